"""Gamma intervals of weighted sums of rare rewards.

A click is rare, and one with a large weight may not have come by luck alone: resampling what came cannot say so, and
its intervals are too narrow at the upper end. An estimate by weights is what epidemiologists call a directly
standardised rate; its gamma interval adds to the upper end one reward of the largest weight that was not seen. With
equal weights it is the exact interval of a Poisson count; with many rewards, the normal one.

Source: M. Fay, E. Feuer, "Confidence intervals for directly standardized rates", Statistics in Medicine 16 (1997).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma

from models.evaluation.bootstrap import Estimate
from models.evaluation.off_policy.rounds import Floats


def gamma_interval(*, total: float, variance: float, largest: float, shift: float = 0.0) -> Estimate:
    """Return ``shift + total`` with its 95% interval.

    Args:
        total: sum of the weighted rewards, at least 0.
        variance: of the estimate.
        largest: the most that one reward more would add to the total.
        shift: what the estimate has beside its weighted rewards, such as the mean of a model.
    """
    low = 0.0
    if total > 0 and variance > 0:
        low = float(gamma.ppf(0.025, total**2 / variance, scale=variance / total))
    above, spread = total + largest, variance + largest**2
    high = float(gamma.ppf(0.975, above**2 / spread, scale=spread / above)) if above > 0 and spread > 0 else total
    return Estimate(value=shift + total, low=shift + (low if variance > 0 else total), high=shift + max(high, total))


def clustered_variance(influence_R: Floats, cluster_R: NDArray[np.intp] | None) -> float:
    """Return the variance of a sum of centred parts, where the parts of a cluster (numbered from 0) go together."""
    if cluster_R is None:
        return float((influence_R**2).sum())
    return float((np.bincount(cluster_R, weights=influence_R) ** 2).sum())
