"""A randomised trial: who got what by lot, with which chance, and what came of it.

Shapes: R rows (shoppers), F features, K arms; arm 0 is the control.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Arms = NDArray[np.intp]
Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Rows of a trial; the chances are those of the lot, never estimates from the features."""

    features_RF: Floats
    """Numbers from before the lot was drawn, ``nan`` where missing."""
    arm_R: Arms
    """What each shopper got."""
    outcome_R: Floats
    """What came of it."""
    chance_RK: Floats
    """With which chance the shopper got each arm."""
    categorical: tuple[int, ...] = ()
    """Columns that hold category numbers."""
    shopper_R: Arms | None = None
    """Number of each row's shopper, where one may have several rows: they stay in one fold, and count as one draw."""

    def __post_init__(self) -> None:
        """Refuse a trial from which nothing can be learnt."""
        rows = len(self.arm_R)
        if not len(self.features_RF) == len(self.outcome_R) == len(self.chance_RK) == rows:
            raise ValueError("features, arms, outcomes and chances differ in length")
        if not np.isfinite(self.outcome_R).all():
            raise ValueError("an outcome is not finite")
        if self.arms < 2 or (rows and not 0 <= self.arm_R.min() <= self.arm_R.max() < self.arms):
            raise ValueError("a trial has a control and at least one arm beside it")
        if not (self.chance_RK[np.arange(rows), self.arm_R] > 0).all():
            raise ValueError("a shopper got what the lot could not have given")

    def __len__(self) -> int:
        return len(self.arm_R)

    @property
    def arms(self) -> int:
        """K, the control included."""
        return int(self.chance_RK.shape[1])

    @property
    def is_binary(self) -> bool:
        """Whether the outcome is yes or no."""
        return bool(np.isin(self.outcome_R, (0.0, 1.0)).all())

    def at(self, rows: Rows) -> "Trial":
        """Return some of the rows."""
        return replace(
            self,
            features_RF=self.features_RF[rows],
            arm_R=self.arm_R[rows],
            outcome_R=self.outcome_R[rows],
            chance_RK=self.chance_RK[rows],
            shopper_R=None if self.shopper_R is None else self.shopper_R[rows],
        )

    def capped(self, share: float) -> "Trial":
        """Return the trial with outcomes no larger than the quantile ``share`` of those above 0."""
        above = self.outcome_R[self.outcome_R > 0]
        if self.is_binary or len(above) == 0:
            return self
        return replace(self, outcome_R=np.minimum(self.outcome_R, np.quantile(above, share)))


def standard_error(values_R: Floats, shopper_R: Arms | None) -> float:
    """Return the standard error of a mean, where rows of one shopper are one draw."""
    apart_R = values_R - values_R.mean()
    if shopper_R is None:
        return float(values_R.std() / np.sqrt(len(values_R)))
    _, number_R = np.unique(shopper_R, return_inverse=True)
    return float(np.sqrt((np.bincount(number_R, weights=apart_R) ** 2).sum()) / len(values_R))


def draw_folds(trial: Trial, folds: int, *, seed: int) -> Arms:
    """Return each row's fold: every arm, and in it those with an outcome, spread evenly over the folds.

    Where shoppers have several rows, whole shoppers are drawn instead.
    """
    if trial.shopper_R is not None:
        _, number_R = np.unique(trial.shopper_R, return_inverse=True)
        drawn = np.random.default_rng(seed).permutation(int(number_R.max(initial=-1)) + 1)
        return np.asarray(drawn[number_R] % folds, dtype=np.intp)
    fold_R = np.empty(len(trial), dtype=np.intp)
    shuffled = np.random.default_rng(seed).permutation(len(trial))
    order = shuffled[np.lexsort((trial.outcome_R[shuffled] > 0, trial.arm_R[shuffled]))]
    fold_R[order] = np.arange(len(trial)) % folds
    return fold_R
