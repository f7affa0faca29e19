"""Intervals of a share, such as of failed answers, that hold at every look together.

Source: H. Robbins, "Statistical methods related to the law of the iterated logarithm" (1970): under a true share p, the
likelihood of k of n averaged over all shares (by Jeffreys' prior), over that of p, is a martingale that starts at 1. By
Ville's inequality it ever reaches 1 / alpha with a chance of alpha at most, so the shares at which it has not are an
interval that holds the truth at all looks together with a chance of 1 - alpha or more. No table, no SciPy: a service
that counts carries neither.
"""

import math
from collections.abc import Callable
from typing import Final

STEPS: Final = 40
"""Halvings of the unit interval: the bounds are exact to twelve digits."""


def bounds(hits: int, answers: int, *, alpha: float) -> tuple[float, float]:
    """Return the lowest and the highest share that so many hits still allow; 0 and 1 before the first answer.

    Args:
        hits: answers that have what is counted.
        answers: all of them, in the order in which they came.
        alpha: chance that the interval ever misses the truth.

    Raises:
        ValueError: there are more hits than answers, or ``alpha`` is no chance.
    """
    if not 0 <= hits <= answers or not 0 < alpha < 1:
        raise ValueError(f"{hits} of {answers} at {alpha}")
    if answers == 0:
        return 0.0, 1.0
    misses = answers - hits
    mixture = _log_beta(hits + 0.5, misses + 0.5) - _log_beta(0.5, 0.5)

    def is_allowed(share: float) -> bool:
        likelihood = hits * math.log(share) + misses * math.log1p(-share)
        return mixture - likelihood < -math.log(alpha)

    seen = min(max(hits / answers, 1e-12), 1 - 1e-12)
    low = 0.0 if hits == 0 else _edge(is_allowed, inside=seen, outside=0.0)
    high = 1.0 if misses == 0 else _edge(is_allowed, inside=seen, outside=1.0)
    return low, high


def _edge(is_allowed: Callable[[float], bool], *, inside: float, outside: float) -> float:
    """Return where shares stop being allowed, from the inside."""
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        if is_allowed(middle):
            inside = middle
        else:
            outside = middle
    return inside


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
