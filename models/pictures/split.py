"""Pictures to learn from, to choose on and to be judged by; exact repeats stay on one side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Split(NamedTuple):
    """Places of pictures, shape (pictures of the part,) each."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split_pictures(digests: Sequence[str], *, seed: int, validation: float = 0.2, test: float = 0.2) -> Split:
    """Split pictures at random, all that show the same pixels to one side.

    Args:
        digests: of each picture's pixels.
        seed: of the draw.
        validation: share of the distinct pictures to choose on.
        test: share of them to be judged by.
    """
    _, group_N = np.unique(np.asarray(digests), return_inverse=True)
    count = int(group_N.max()) + 1 if len(group_N) else 0
    ends = np.cumsum([round(count * test), round(count * validation)])
    side_G = np.zeros(count, dtype=np.intp)
    order = np.random.default_rng(seed).permutation(count)
    side_G[order[: ends[0]]], side_G[order[ends[0] : ends[1]]] = 2, 1
    return Split(*(np.flatnonzero(side_G[group_N] == side) for side in (0, 1, 2)))
