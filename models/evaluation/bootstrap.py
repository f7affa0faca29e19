"""Bootstrap intervals: how sure a figure is, given the cases it was measured on.

Where rows come in clusters (the rows of one shopper repeat each other), whole clusters are drawn.

Sources: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), the percentile interval; A. Cameron,
J. Gelbach, D. Miller, "Bootstrap-based improvements for inference with clustered errors" (2008).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Figures = Callable[[NDArray[np.float64]], Mapping[str, float]]
"""Figures by name as a function of row weights, shape ``(rows,)``; ``nan`` where one is undefined."""


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


def bootstrap_clusters(
    figures: Figures,
    *,
    weights: NDArray[np.float64],
    clusters: NDArray[np.intp],
    seed: int,
    resamples: int = 1000,
) -> dict[str, Estimate]:
    """Return each figure with its 95% percentile interval over whole clusters.

    A resample gives each row its weight times the number of times that its cluster was drawn. All figures see the
    same resamples, so a difference of two models among them is paired. A resample on which a figure is ``nan`` (an AUC
    over one class) is left out of that figure.

    Args:
        figures: computes all figures at once, so that they can share work.
        weights: weight of each row when every cluster is drawn once.
        clusters: cluster number of each row, any integers.
        seed: seed of the draws.
        resamples: number of draws.

    Raises:
        ValueError: there are no rows, or a figure was undefined on every resample.
    """
    if len(weights) == 0 or len(weights) != len(clusters):
        raise ValueError("weights and clusters must have the same length, above zero")
    _, numbers = np.unique(clusters, return_inverse=True)
    count = int(numbers.max()) + 1
    rng = np.random.default_rng(seed)
    whole = figures(weights)
    draws = np.empty((resamples, len(whole)))
    for index in range(resamples):
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        draws[index] = list(figures(weights * times[numbers]).values())
    estimates: dict[str, Estimate] = {}
    for (name, value), column in zip(whole.items(), draws.T, strict=True):
        defined = column[~np.isnan(column)]
        if len(defined) == 0:
            raise ValueError(f"{name} was undefined on every resample")
        low, high = np.quantile(defined, [0.025, 0.975])
        estimates[name] = Estimate(value=float(value), low=float(low), high=float(high))
    return estimates
