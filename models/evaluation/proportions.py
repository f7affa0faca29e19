"""Wilson intervals: how sure a share of so many is, also where the share is nearly none.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927); that it
holds its level where the usual interval does not: L. Brown, T. Cai, A. DasGupta, "Interval estimation for a binomial
proportion", Statistical Science 16 (2001).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation.bootstrap import Estimate

Z_95: Final = 1.959963984540054
"""Two-sided 95% point of the normal distribution."""


def wilson_bounds(successes: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the 95% interval of each share; 0 and 1, which say nothing, where there are no trials.

    >>> low, high = wilson_bounds([0, 5], [10, 10])
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.237], [0.278, 0.763])

    Args:
        successes: counts, at most ``trials``.
        trials: counts, at least 0.

    Raises:
        ValueError: there are more successes than trials, or fewer than none.
    """
    hits, total = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    if (hits < 0).any() or (hits > total).any():
        raise ValueError("successes must lie between 0 and the trials")
    seen = np.maximum(total, 1.0)
    share, square = hits / seen, Z_95**2
    middle = (share + square / (2 * seen)) / (1 + square / seen)
    half = Z_95 / (1 + square / seen) * np.sqrt(share * (1 - share) / seen + square / (4 * seen**2))
    # Rounding must not leave a bound a hair on the wrong side of the share itself.
    low = np.where(hits == 0, 0.0, np.minimum(middle - half, share))
    high = np.where(hits == total, 1.0, np.maximum(middle + half, share))
    return np.where(total == 0, 0.0, low), np.where(total == 0, 1.0, high)


def wilson(successes: int, trials: int) -> Estimate | None:
    """Return a share with its 95% interval; None where there are no trials, so no share.

    Raises:
        ValueError: there are more successes than trials, or fewer than none.
    """
    low, high = wilson_bounds([successes], [trials])
    return Estimate(value=successes / trials, low=float(low[0]), high=float(high[0])) if trials else None
