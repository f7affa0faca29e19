"""Whether a log can say anything about a policy, and how much of it does.

Source of the effective sample size: L. Kish, "Survey Sampling" (1965); A. Owen, "Monte Carlo theory, methods and
examples", chapter 9 (2013).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.off_policy.rounds import Floats, Rounds


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a log must have before an estimate is given."""

    min_effective: float = 100.0
    """Rounds that the log is worth for the target."""
    min_rewarded: int = 5
    """Rounds with a reward and a weight above 0."""
    max_unsupported: float = 0.05
    """Share of the target's probability on items that the log could not show."""
    max_deviation: float = 4.0
    """Standard errors by which the mean weight may miss what it must be; less than a twentieth is never too much."""
    max_misfit: float = 8.0
    """Standard errors by which the propensities of any item at any place may miss how often it was shown."""


@dataclass(frozen=True, kw_only=True)
class Diagnostics:
    """How a log weighs for a target policy."""

    rounds: int
    effective_rounds: float
    """Rounds of the target's own that would say as much, of the weights without the limit."""
    effective_rounds_clipped: float
    """The same of the clipped weights."""
    mean_weight: float
    """Near 1 where the propensities are right, less ``unsupported``."""
    mean_weight_error: float
    """Standard error of it."""
    max_weight: float
    clipped: float
    """Share of the rounds whose weight is above the limit."""
    clipped_mass: float
    """Share of all weight that the limit takes away."""
    unsupported: float
    misfit: float
    rewarded: int
    """Rounds with a reward that count for the target."""
    not_evaluable: str | None
    """Why no estimate may be given; None where one may."""


def diagnose(rounds: Rounds, *, clip: float, needs: Needs | None = None) -> Diagnostics:
    """Say how the log weighs for the target, and whether that is enough."""
    needs = needs or Needs()
    if len(rounds) == 0:
        nothing: dict[str, Any] = dict.fromkeys(_FIGURES, 0)
        return Diagnostics(**nothing, not_evaluable="the log has no rounds")
    weight_R = rounds.weight_R
    clipped_R = np.minimum(weight_R, clip)
    mean = float(weight_R.mean())
    figures: dict[str, Any] = {
        "rounds": len(rounds),
        "effective_rounds": _effective(weight_R),
        "effective_rounds_clipped": _effective(clipped_R),
        "mean_weight": mean,
        "mean_weight_error": float(weight_R.std() / np.sqrt(len(rounds))),
        "max_weight": float(weight_R.max()),
        "clipped": float((weight_R > clip).mean()),
        "clipped_mass": 1.0 - float(clipped_R.mean()) / mean if mean > 0 else 0.0,
        "unsupported": rounds.unsupported,
        "misfit": rounds.misfit,
        "rewarded": int(((weight_R > 0) & (rounds.reward_R > 0)).sum()),
    }
    return Diagnostics(**figures, not_evaluable=_reason(figures, needs))


def misfit_of(place_R: NDArray[np.intp], item_R: NDArray[np.intp], propensity_R: Floats) -> float:
    """Return by how many standard errors propensities miss how often items were shown, at worst.

    Over the rounds in which an item was shown at a place, the sum of 1 over its propensity is an estimate of all rounds
    of that place, whatever the propensities depend on. The mean weight alone may be right by chance where propensities
    belong to other rounds. Passed over are items that were shown too seldom to say anything, and those that miss by
    less than a quarter: in a long log any draw is a little uneven.
    """
    places, cell_R = int(place_R.max()) + 1, item_R * (int(place_R.max()) + 1) + place_R
    sums, squares, errors = (
        np.bincount(cell_R, weights=column)
        for column in (1 / propensity_R, propensity_R**-2, (1 - propensity_R) / propensity_R**2)
    )
    said = sums**2 > _MIN_SHOWN * squares
    rounds = np.bincount(place_R, minlength=places)[np.arange(len(sums)) % places]
    said &= (errors > 0) & (np.abs(sums - rounds) > _SMALL_MISS * rounds)
    misses = np.abs(sums - rounds)[said] / np.sqrt(errors[said])
    return float(misses.max(initial=0.0))


_MIN_SHOWN: Final = 50
"""Effective rounds below which an item at a place is passed over."""
_SMALL_MISS: Final = 0.25
_SMALL_DEVIATION: Final = 0.05
_SMALL_OF_HEAVY: Final = 0.4
_FIGURES: Final = tuple(name for name in Diagnostics.__dataclass_fields__ if name != "not_evaluable")


def _effective(weight_R: Floats) -> float:
    squares = float((weight_R**2).sum())
    return float(weight_R.sum()) ** 2 / squares if squares > 0 else 0.0


def _reason(figures: Mapping[str, Any], needs: Needs) -> str | None:
    if figures["unsupported"] > needs.max_unsupported:
        return (
            f"{figures['unsupported']:.1%} of what the policy would show could not be in the log; "
            f"at most {needs.max_unsupported:.0%} may be missing"
        )
    wanted = 1.0 - figures["unsupported"]
    deviation = figures["mean_weight"] - wanted
    # Where few rounds have most of the weight, a mean that is too low may only lack the next of them.
    heavy = deviation < 0 and figures["effective_rounds"] < figures["rounds"] / 4
    errors, small = (2 * needs.max_deviation, _SMALL_OF_HEAVY) if heavy else (needs.max_deviation, _SMALL_DEVIATION)
    if abs(deviation) > max(errors * figures["mean_weight_error"], small):
        return (
            f"the mean weight is {figures['mean_weight']:.3f} ± {figures['mean_weight_error']:.3f} and must be near "
            f"{wanted:.3f}: the propensities are not those that the log was drawn with"
        )
    if figures["misfit"] > needs.max_misfit:
        return (
            f"an item was shown {figures['misfit']:.1f} standard errors more or less often than its propensities say: "
            "they are not those that the log was drawn with"
        )
    if figures["effective_rounds_clipped"] < needs.min_effective:
        return (
            f"the log is worth {figures['effective_rounds_clipped']:.0f} rounds of the policy's own, even with clipped "
            f"weights; {needs.min_effective:.0f} are needed"
        )
    if figures["rewarded"] < needs.min_rewarded:
        return f"{figures['rewarded']} rounds with a reward count for the policy; {needs.min_rewarded} are needed"
    return None
