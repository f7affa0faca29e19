"""What the items say, as numbered words: the ground that matches are counted on.

Shapes: N items, W words of all items together, P distinct words, Q words of a query, C candidates.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

K1 = 1.2
B = 0.75
"""The constants of BM25, as Lucene and tantivy have them."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of all items (such as the title) as numbered words."""

    numbers: dict[str, int]
    """Each word that occurs, and its number."""
    words_W: NDArray[np.int32]
    """The numbers of the words, item after item."""
    starts: Ints
    """Where each item's words begin in ``words_W``, and one past the last item's, shape (N + 1,)."""
    found_in_P: Ints
    """In how many items each word occurs."""

    @classmethod
    def of(cls, texts: Sequence[str], split: Callable[[str], list[str]]) -> "Field":
        """Return the field with these texts.

        Args:
            texts: one of each item.
            split: what makes words of a text.
        """
        numbers: dict[str, int] = {}
        rows = [[numbers.setdefault(word, len(numbers)) for word in split(text)] for text in texts]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        flat = np.fromiter((word for row in rows for word in row), dtype=np.int32, count=int(lengths.sum()))
        owners = np.repeat(np.arange(len(rows)), lengths)
        pairs = np.sort(owners * (len(numbers) + 1) + flat)  # not np.unique: its hash table takes ten times as long
        of_item = pairs[np.r_[True, pairs[1:] != pairs[:-1]][: len(pairs)]] % (len(numbers) + 1)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        return cls(
            numbers=numbers, words_W=flat, starts=starts, found_in_P=np.bincount(of_item, minlength=len(numbers))
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def mean_length(self) -> float:
        """Words of a field on average; 1 where there are none."""
        return max(len(self.words_W) / max(len(self), 1), 1.0)

    def rarity(self, words: Iterable[str]) -> Floats:
        """Return how rare each word is: its inverse document frequency, as BM25 has it, shape (Q,).

        A word that no item has is as rare as can be.
        """
        places = (self.numbers.get(word) for word in words)
        counts = np.array([0 if place is None else self.found_in_P[place] for place in places], dtype=np.float64)
        return np.log1p((len(self) - counts + 0.5) / (counts + 0.5))

    def occurs(self, words: Sequence[str]) -> int:
        """Return in how many items the rarest of some words stands; 0 where one of them stands in none."""
        places = [self.numbers.get(word) for word in words]
        return min((0 if place is None else int(self.found_in_P[place]) for place in places), default=0)

    def lengths(self, candidates: Ints) -> Ints:
        """Return how many words each candidate has, shape (C,)."""
        return self.starts[candidates + 1] - self.starts[candidates]

    def counts(self, words: Sequence[str], candidates: Ints) -> Floats:
        """Return how often each of some distinct words occurs in each candidate, shape (Q, C)."""
        counts_QC = np.zeros((len(words), len(candidates)))
        places = [(number, row) for row, word in enumerate(words) if (number := self.numbers.get(word)) is not None]
        if not places or not len(self.words_W):
            return counts_QC
        numbers, rows = (np.array(column) for column in zip(*sorted(places), strict=True))
        lengths = self.lengths(candidates)
        offsets = np.cumsum(lengths) - lengths
        flat = self.words_W[np.repeat(self.starts[candidates] - offsets, lengths) + np.arange(int(lengths.sum()))]
        slots = np.minimum(np.searchsorted(numbers, flat), len(numbers) - 1)
        is_asked = numbers[slots] == flat
        owner = np.repeat(np.arange(len(candidates)), lengths)[is_asked]
        cells = rows[slots[is_asked]] * len(candidates) + owner
        return np.bincount(cells, minlength=counts_QC.size).reshape(counts_QC.shape).astype(np.float64)


def bm25(field: Field, words: Sequence[str], candidates: Ints) -> Floats:
    """Return the BM25 score of each candidate for distinct words, shape (C,).

    Source: S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond" (2009).
    """
    return bm25_of(field, field.counts(words, candidates), field.rarity(words), candidates)


def bm25_of(field: Field, counts_QC: Floats, rarity_Q: Floats, candidates: Ints) -> Floats:
    """Return the BM25 score from what was counted already, shape (C,)."""
    fraction_C = field.lengths(candidates) / field.mean_length
    saturated_QC = counts_QC * (K1 + 1) / (counts_QC + K1 * (1 - B + B * fraction_C))
    return np.asarray(rarity_Q @ saturated_QC)
