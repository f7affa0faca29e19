"""Bootstrap intervals: how sure a figure is, given the cases it was measured on.

Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), the percentile interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95% bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap_mean(values: NDArray[np.floating], *, seed: int, resamples: int = 1000) -> Estimate:
    """Return the mean of ``values`` (one per case, shape ``(cases,)``) with its interval.

    Raises:
        ValueError: ``values`` is empty; there is no figure to be sure of.
    """
    cases = len(values)
    if cases == 0:
        raise ValueError("cannot bootstrap a mean over zero cases")
    rng = np.random.default_rng(seed)
    means = np.array([values[rng.integers(0, cases, cases)].mean() for _ in range(resamples)])
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(value=float(values.mean()), low=float(low), high=float(high))


def bootstrap_statistic(
    statistic: Callable[..., float],
    *columns: NDArray[np.generic],
    seed: int,
    resamples: int = 1000,
) -> Estimate:
    """Return ``statistic(*columns)`` with its interval, resampling the rows of all columns together.

    A resample on which the statistic is undefined (an AUC over one class) must return ``nan``; it is left out.

    Raises:
        ValueError: the columns are empty, differ in length, or no resample was defined.
    """
    cases = len(columns[0])
    if cases == 0 or any(len(column) != cases for column in columns):
        raise ValueError("columns must have the same length, above zero")
    rng = np.random.default_rng(seed)
    draws = np.empty(resamples)
    for index in range(resamples):
        rows = rng.integers(0, cases, cases)
        draws[index] = statistic(*(column[rows] for column in columns))
    draws = draws[~np.isnan(draws)]
    if len(draws) == 0:
        raise ValueError("the statistic was undefined on every resample")
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value=float(statistic(*columns)), low=float(low), high=float(high))
