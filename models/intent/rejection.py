"""When to say "I do not know": the calibrated probability under which a label is too unsure to act on.

Source: Y. Geifman, R. El-Yaniv, "Selective classification for deep neural networks" (2017), with the plain share on
validation in place of a bound; the test split says what came of it.
"""

from math import ceil

import numpy as np
from numpy.typing import NDArray


def reject_threshold(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], *, precision: float, min_coverage: float
) -> float:
    """Return the lowest probability to act on: as few texts as can be are rejected.

    Args:
        confidence: probability of each text's most probable label, shape ``(texts,)``.
        right: whether that label is the true one, shape ``(texts,)``.
        precision: share of the texts acted on that must be right.
        min_coverage: share of the texts that are acted on even where ``precision`` is out of reach.

    Returns:
        The threshold; 0 where nothing has to be rejected.

    >>> confidence, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, True, False])
    >>> reject_threshold(confidence, right, precision=0.95, min_coverage=0.5)
    0.7
    """
    order = np.argsort(-confidence, kind="stable")
    share_right = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    min_answers = max(1, ceil(min_coverage * len(order)))
    enough = np.flatnonzero(share_right[min_answers - 1 :] >= precision) + min_answers
    answered = int(enough.max()) if len(enough) else min_answers
    return 0.0 if answered == len(order) else float(confidence[order[answered - 1]])
