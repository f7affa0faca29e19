"""Whether a share has grown, with an interval, and by how much shares vary from week to week anyway.

Given how often something was counted in both spans, the count of the later one is binomial where nothing has changed
(J. Przyborowski and H. Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31, 1940);
the interval is that of C. Clopper and E. Pearson (1934). Weeks and days differ by more than chance: sums of many days
are divided by how much more (P. McCullagh and J. Nelder, "Generalized linear models", 4.5), and to the spread of a
week's ratio that of weeks is added. Of many subjects those are told that Y. Benjamini and Y. Hochberg's procedure
(1995) lets through.

Shapes: S subjects, W weeks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, fisher_exact, norm

from models.evaluation.proportions import Z_95

Floats = NDArray[np.float64]
FALSE_SHARE: Final = 0.05
"""Of what is told as news, the share that may be noise."""
MIN_SUBJECT: Final = 20.0
"""Count over all weeks from which a subject says how much weeks differ."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How a share compares with another one."""

    value: float
    """Infinite where the other count is 0."""
    low: float
    high: float
    p: float
    """How likely so large a ratio is where nothing has changed."""


def rate_ratio(
    count: float, of: float, other: float, of_other: float, *, dispersion: float = 1.0, between: float = 0.0
) -> Ratio:
    """Return ``count / of`` over ``other / of_other``, with a 95% interval and a one-sided test against 1.

    >>> one = rate_ratio(40, 1_000, 80, 4_000)
    >>> round(one.value, 2), round(one.low, 2), round(one.high, 2), one.p < 0.001
    (2.0, 1.33, 2.96, True)

    Args:
        count: how often it was counted.
        of: among how many.
        other: the same, of the other span or group.
        of_other: among how many.
        dispersion: of sums of many days: their variance beside that of chance alone, 1 or more.
        between: of weeks: variance of the ratio's logarithm where nothing has changed, beside chance, 0 or more.

    Raises:
        ValueError: a span has nobody, or neither has a count.
    """
    if min(of, of_other) <= 0 or count + other <= 0:
        raise ValueError("there is nothing to compare")
    here, there = count / dispersion, other / dispersion
    scale = of_other / of
    low = _odds(beta.ppf(0.025, here, there + 1)) * scale if count else 0.0
    high = _odds(beta.ppf(0.975, here + 1, there)) * scale if other else np.inf
    # The chance of so many or more, for counts that need not be whole.
    p = float(beta.cdf(of / (of + of_other), here, there + 1)) if count else 1.0
    value = count / of / (other / of_other) if other else np.inf
    if between > 0 and count:
        middle = value if other else (here + 0.5) / 0.5 * scale
        low = middle * np.exp(-np.hypot(np.log(middle / low), Z_95 * np.sqrt(between)))
        high = middle * np.exp(np.hypot(np.log(high / middle), Z_95 * np.sqrt(between))) if other else np.inf
        p = _less_sure(p, float(np.log(middle)), between)
    return Ratio(value=float(value), low=float(low), high=float(high), p=p)


def week_variance(counts_SW: ArrayLike, of_W: ArrayLike) -> float:
    """Return how much shares vary from week to week beside chance: the variance of their logarithms, by moments.

    Args:
        counts_SW: of each subject and week; some two weeks at least, or nothing is known and it is 0.
        of_W: among how many in each week.
    """
    counts, of = np.asarray(counts_SW, np.float64), np.asarray(of_W, np.float64)
    if counts.size == 0 or counts.shape[1] < 2 or of.sum() <= 0:
        return 0.0
    counts = counts[counts.sum(axis=1) >= MIN_SUBJECT]
    if not len(counts):
        return 0.0
    free = counts.shape[1] - 1
    expected = counts.sum(axis=1, keepdims=True) * of / of.sum()
    squares = ((counts - expected) ** 2 / np.maximum(expected, 1e-9)).sum(axis=1)
    return float(max((squares - free).sum() / (free * counts.mean(axis=1)).sum(), 0.0))


def is_news(p_S: ArrayLike, *, level: float = FALSE_SHARE) -> NDArray[np.bool_]:
    """Return which of many tests say something, with at most a share of ``level`` of them false.

    >>> is_news([0.001, 0.9, 0.02, 0.04]).tolist()
    [True, False, True, False]
    """
    p = np.asarray(p_S, np.float64)
    order = np.argsort(p, kind="stable")
    passes = np.flatnonzero(p[order] <= level * (np.arange(len(p)) + 1) / max(len(p), 1))
    chosen = np.zeros(len(p), np.bool_)
    if len(passes):
        chosen[order[: passes[-1] + 1]] = True
    return chosen


def is_higher(hits: int, of: int, hits_else: int, of_else: int) -> float:
    """Return how likely so large a share is where it is that of all others: Fisher's exact test, one-sided."""
    table = [[hits, of - hits], [hits_else, of_else - hits_else]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def _less_sure(p: float, log_ratio: float, between: float) -> float:
    """Return the chance of a ratio where weeks differ by themselves, too."""
    z = float(norm.isf(np.clip(p, 1e-300, 1 - 1e-12)))
    if log_ratio <= 0 or z <= 0:
        return max(p, 0.5)
    return float(norm.sf(log_ratio / np.hypot(log_ratio / z, np.sqrt(between))))


def _odds(share: float) -> float:
    return float(share / (1 - share)) if share < 1 else np.inf
