"""What a campaign added: those it was sent to beside those held out, who were drawn by lot from the same list.

The interval is Welch's, B. Welch, "The generalization of 'Student's' problem when several different population
variances are involved", Biometrika 34 (1947). Where shoppers differ in how they answer, it is on the wide side: J.
Neyman (1923).

Shapes: S shoppers who were sent it, H held out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, t

from models.evaluation.bootstrap import Estimate

Floats = NDArray[np.float64]
MIN_SIDE: Final = 20
"""Shoppers on either side below which no increment is claimed."""
OFF_BELOW: Final = 1e-3
"""Chance under which the shares of those sent to and held out are no longer luck."""


@dataclass(frozen=True, kw_only=True)
class Lift:
    """What was added, with 95% intervals."""

    sent: int
    held_out: int
    mean_sent: float
    mean_held_out: float
    per_shopper: Estimate
    """Added by sending it to one shopper."""
    total: Estimate
    """Added by sending it to all who were sent it."""

    @property
    def is_sure(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.per_shopper.low > 0 or self.per_shopper.high < 0


def lift(sent_S: Floats, held_out_H: Floats) -> Lift | None:
    """Return what was added to a figure such as orders or money; None where a side is too small to say.

    Args:
        sent_S: the figure of each shopper who was sent the offer, 0 for those who did nothing.
        held_out_H: the same of those held out.
    """
    if min(len(sent_S), len(held_out_H)) < MIN_SIDE:
        return None
    parts = [side.var(ddof=1) / len(side) for side in (sent_S, held_out_H)]
    variance = sum(parts)
    apart = float(sent_S.mean() - held_out_H.mean())
    reach = 0.0
    if variance > 0:
        freedom = variance**2 / (parts[0] ** 2 / (len(sent_S) - 1) + parts[1] ** 2 / (len(held_out_H) - 1))
        reach = float(t.ppf(0.975, freedom) * np.sqrt(variance))
    per_shopper = Estimate(value=apart, low=apart - reach, high=apart + reach)
    count = len(sent_S)
    return Lift(
        sent=count,
        held_out=len(held_out_H),
        mean_sent=float(sent_S.mean()),
        mean_held_out=float(held_out_H.mean()),
        per_shopper=per_shopper,
        total=Estimate(value=apart * count, low=(apart - reach) * count, high=(apart + reach) * count),
    )


def lot_is_off(sent: int, held_out: int, share: float) -> bool:
    """Return whether so many are held out, or so few, that it was not the lot alone.

    >>> lot_is_off(800, 200, 0.2), lot_is_off(950, 50, 0.2)
    (False, True)
    """
    drawn = binom(sent + held_out, share)
    return bool(2 * min(drawn.cdf(held_out), drawn.sf(held_out - 1)) < OFF_BELOW)
