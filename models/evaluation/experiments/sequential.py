"""Intervals that hold at every look together, so that one may look each day and stop when the answer is clear.

Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", Annals of Statistics 52 (2024), arXiv:2103.06476: the asymptotic confidence sequence
of a mean of n values, sigma * sqrt(2 (n rho^2 + 1) / (n rho)^2 * log(sqrt(n rho^2 + 1) / alpha)) on either side.

It holds where shoppers come one after the other with a value that does not change any more, are independent of each
other, and are as many as a central limit theorem needs: hence values over a fixed window, and ``MIN_SHOPPERS``.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import norm

from models.evaluation.experiments.moments import Moments, slope

MIN_SHOPPERS: Final = 100
"""Of each arm, before anything is said."""
MIN_VALUES: Final = 25
"""Shoppers of both arms together, with a value other than zero: sums of fewer are not normal yet."""


def multiplier(shoppers: Any, *, planned: float, alpha: float) -> Any:
    """Return how many standard errors the interval reaches to either side.

    Args:
        shoppers: how many were measured so far.
        planned: with how many the interval is to be narrowest; to be chosen before the first.
        alpha: chance that the interval misses the truth at any look.
    """
    log_alpha = -2 * math.log(alpha)
    rho_squared = (log_alpha + math.log(log_alpha) + 1) / planned
    spent = np.asarray(shoppers) * rho_squared + 1
    return np.sqrt(spent / (spent - 1) * np.log(spent / alpha**2))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How an arm differs from the control, per shopper."""

    value: Any
    error: Any
    """Standard error."""
    low: Any
    high: Any
    variance_left: Any
    """Share of the variance that the figures of before do not explain."""


def difference(
    control: Moments, arm: Moments, *, planned: float, alpha: float = 0.05, of_control: float = 1.0, cuped: bool = True
) -> Difference:
    """Return the difference of an arm's mean and the control's, with its anytime-valid interval.

    Args:
        control: shoppers of the control.
        arm: shoppers of the arm.
        planned: see :func:`multiplier`.
        alpha: see :func:`multiplier`.
        of_control: what share of the control's mean is subtracted; below 1 for what an arm may lose.
        cuped: whether what the figures of before explain is taken out.
    """
    theta = slope([control, arm]) if cuped else np.float64(0)
    means, variances, unexplained, spread = [], [], 0.0, 0.0
    for one in (control, arm):
        left = np.maximum(one.spread - 2 * theta * one.spread_of_both + theta**2 * one.spread_before, 0.0)
        unexplained, spread = unexplained + left, spread + one.spread
        means.append(one.mean - theta * one.mean_before)
        variances.append(left / np.maximum(one.count - 1, 1) / one.count)
    value = means[1] - of_control * means[0]
    error = np.sqrt(variances[1] + of_control**2 * variances[0])
    reach = error * multiplier(control.count + arm.count, planned=planned, alpha=alpha)
    variance_left = np.where(spread > 0, unexplained / np.where(spread > 0, spread, 1.0), 1.0)
    return Difference(value=value, error=error, low=value - reach, high=value + reach, variance_left=variance_left)


def mean_interval(arm: Moments, *, planned: float, alpha: float = 0.05) -> tuple[Any, Any]:
    """Return the anytime-valid interval of an arm's own mean."""
    error = np.sqrt(arm.spread / np.maximum(arm.count - 1, 1) / arm.count)
    reach = error * multiplier(arm.count, planned=planned, alpha=alpha)
    return arm.mean - reach, arm.mean + reach


def detectable(
    so_far: Difference,
    *,
    measured: float,
    shoppers: float,
    planned: float,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Return the smallest true difference that so many shoppers would show with a chance of ``power`` or more.

    Args:
        so_far: of the shoppers measured so far, whose variance is taken for that of all.
        measured: how many they are.
        shoppers: how many there would be.
        planned: see :func:`multiplier`.
        alpha: see :func:`multiplier`.
        power: the chance.
    """
    error = float(so_far.error) * math.sqrt(measured / shoppers)
    return error * (float(multiplier(shoppers, planned=planned, alpha=alpha)) + float(norm.ppf(power)))
