"""Numbers the rows of an importer's file where the source does not: further pieces, and further lines of an order."""

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


class LineCounter:
    """Numbers the lines of an item in an order that the source does not name but the importer infers.

    Two different rows of one item are two lines of it; a row that repeats another in full gets its number, and so stays
    a second report of it.
    """

    def __init__(self) -> None:
        self._rows = RepeatCounter()
        self._lines = RepeatCounter()
        self._further: dict[int, int] = {}

    def number(self, line_keys: NDArray[np.uint64], row_keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the number of each row's line, from 0.

        Args:
            line_keys: hashes of order and item.
            row_keys: hashes of everything in the row.
        """
        is_first = self._rows.number(row_keys) == 0
        numbers = np.zeros(len(row_keys), dtype=np.int64)
        numbers[is_first] = self._lines.number(line_keys[is_first])
        further = numbers > 0
        self._further.update(zip(row_keys[further].tolist(), numbers[further].tolist(), strict=True))
        numbers[~is_first] = [self._further.get(key, 0) for key in row_keys[~is_first].tolist()]
        return numbers
