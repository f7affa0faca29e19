"""Bootstrap intervals where rows come in clusters: the rows of one shopper repeat each other, so shoppers are drawn.

Source: A. Cameron, J. Gelbach, D. Miller, "Bootstrap-based improvements for inference with clustered errors" (2008).
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate

Figures = Callable[[NDArray[np.float64]], Mapping[str, float]]
"""Figures by name as a function of row weights, shape ``(rows,)``; ``nan`` where one is undefined."""


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
