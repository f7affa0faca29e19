"""Logged rounds: what was shown, with what probability, and what came of it.

A round is one place of a shown list: the places of one list are rounds of one cluster. Each place has a propensity of
its own, so that a list needs no probability as a whole: what a place earns depends on its item and not on its
neighbours (the item-position model).

Shapes: R rounds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shopsight.errors import ShopsightError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """The rounds of a log, seen by one target policy.

    Raises:
        ShopsightError: a column is not as long as the others, or holds what no log can.
    """

    reward_R: Floats
    """What the round earned, at least 0: 1 for a click, or money."""
    propensity_R: Floats
    """With what probability the logging policy showed this item at this place, above 0."""
    target_R: Floats
    """With what probability the target policy would have shown it there."""
    expected_R: Floats | None = None
    """What a model of rewards expects of the target policy in this round, over all items that it might show."""
    predicted_R: Floats | None = None
    """What the same model, fitted to other rounds, expects of the item that was shown."""
    cluster_R: NDArray[np.intp] | None = None
    """Which rounds belong together (a shopper, a list), numbered from 0; None where each stands by itself."""
    unsupported: float = 0.0
    """Share of the target's probability on items that the log could never have shown."""
    misfit: float = 0.0
    """By how many standard errors the propensities miss what was shown: :func:`.diagnostics.misfit_of` finds it."""

    def __post_init__(self) -> None:
        columns = {"propensity": self.propensity_R, "target": self.target_R}
        columns |= {} if self.expected_R is None else {"expected": self.expected_R}
        columns |= {} if self.predicted_R is None else {"predicted": self.predicted_R}
        for name, column in {"reward": self.reward_R, **columns}.items():
            if len(column) != len(self.reward_R):
                raise _unusable(f"{name} has {len(column)} rounds, reward {len(self.reward_R)}")
            if not np.isfinite(column).all():
                raise _unusable(f"{int((~np.isfinite(column)).sum())} values of {name} are not numbers")
        if (self.expected_R is None) != (self.predicted_R is None):
            raise _unusable("expected and predicted come from one model: give both or none")
        if self.cluster_R is not None and len(self.cluster_R) != len(self.reward_R):
            raise _unusable(f"cluster has {len(self.cluster_R)} rounds, reward {len(self.reward_R)}")
        if (self.reward_R < 0).any():
            raise _unusable("a reward is below 0")
        if not ((self.propensity_R > 0) & (self.propensity_R <= 1)).all():
            raise _unusable("a propensity is not above 0 and at most 1: what was shown had a chance to be")
        if not ((self.target_R >= 0) & (self.target_R <= 1)).all():
            raise _unusable("a probability of the target policy is not from 0 to 1")

    def __len__(self) -> int:
        return len(self.reward_R)

    @property
    def weight_R(self) -> Floats:
        """How much likelier the target policy shows what was shown."""
        return self.target_R / self.propensity_R


def _unusable(why: str) -> ShopsightError:
    return ShopsightError("The logged rounds cannot be evaluated.", why=why, fix="mend the log, or leave the rows out")
