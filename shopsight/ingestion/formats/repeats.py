"""Tells equal rows apart by how many came before, where a repeated row means another piece and not a second report."""

import numpy as np
from numpy.typing import NDArray


class RepeatCounter:
    """Numbers equal keys 0, 1, 2 … over all chunks of a file, in eight bytes a key.

    The keys seen so far lie in sorted arrays whose sizes double (a log-structured merge), so that adding a chunk costs
    little however many came before.
    """

    def __init__(self) -> None:
        self._seen: list[NDArray[np.uint64]] = []

    def number(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return how many equal keys came before each key, in this call and in earlier ones."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        within = np.arange(len(keys)) - np.searchsorted(ordered, ordered, side="left")
        before = sum(
            (np.searchsorted(seen, ordered, "right") - np.searchsorted(seen, ordered, "left") for seen in self._seen),
            start=np.zeros(len(keys), dtype=np.int64),
        )
        numbers = np.empty(len(keys), dtype=np.int64)
        numbers[order] = within + before
        self._add(ordered)
        return numbers

    def _add(self, ordered: NDArray[np.uint64]) -> None:
        while self._seen and len(self._seen[-1]) <= 2 * len(ordered):
            ordered = np.sort(np.concatenate([self._seen.pop(), ordered]), kind="stable")
        if len(ordered):
            self._seen.append(ordered)
