"""What is said of items in words, and which of the model's items are most like a new one by it.

Cosines of TF-IDF vectors over the words of title, category, brand and description; category and brand count once more,
as a whole. Needs numpy alone, and 1 ms an item at 100,000. Shapes: N items of the model, K nearest of them.
"""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue

NEAREST: Final = 20
"""Items that a new one is scored by."""
_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Writing whose words no blanks part."""

Floats = NDArray[np.float32]


class ItemText:
    """The words of a model's items."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Take a catalogue; its words are read when they are first asked for, or by :meth:`read`."""
        self._catalogue = catalogue
        self.nearest = lru_cache(maxsize=4_096)(self._nearest)

    def read(self) -> None:
        """Read the words, 1.3 s of 100,000 items, so that no request has to."""
        self._index  # noqa: B018 - a cached property

    def cosines(self, words: frozenset[str]) -> Floats:
        """Return how like each of the model's items is to some words, 0 to 1, shape (N,)."""
        places, rarity, norms_N = self._index
        # In order: a sum of floats depends on it, and that of a set is another one in every process.
        shared = sorted(word for word in words if word in places)
        length = np.sqrt(sum(rarity[word] ** 2 for word in shared))
        scores_N = np.zeros(len(norms_N), dtype=np.float32)
        for word in shared:
            scores_N[places[word]] += rarity[word] ** 2
        cosines_N: Floats = scores_N / (norms_N * max(length, 1e-9))
        return cosines_N

    def cosine(self, some: frozenset[str], others: frozenset[str]) -> float:
        """Return how like two descriptions are; of words that no item of the model has, all are as rare as can be."""
        _, rarity, norms_N = self._index
        rarest = float(np.log1p(len(norms_N)))

        def length(words: frozenset[str]) -> float:
            return float(np.sqrt(np.sum(np.square([rarity.get(word, rarest) for word in sorted(words)]))))

        return length(some & others) ** 2 / max(length(some) * length(others), 1e-9)

    def _nearest(self, words: frozenset[str]) -> tuple[NDArray[np.int64], Floats]:
        """Return the items that are most like some words, best first, and their weights, both of shape (K,).

        The weights add up to 1 at most, and to less where nothing is very like: who is like nobody is average.
        """
        cosines_N = self.cosines(words)
        count = min(NEAREST, len(cosines_N))
        nearest_K = np.argpartition(-cosines_N, count - 1)[:count] if count else np.zeros(0, dtype=np.int64)
        nearest_K = nearest_K[np.argsort(-cosines_N[nearest_K], kind="stable")]
        weights_K = cosines_N[nearest_K]
        return nearest_K, weights_K / max(float(weights_K.sum()), 1.0)

    @cached_property
    def _index(self) -> tuple[dict[str, NDArray[np.int64]], dict[str, float], Floats]:
        """The items that have each word, how rare it is, and the length of each item's vector."""
        items = self._catalogue.num_known
        places: dict[str, list[int]] = {}
        for place in range(items):
            for word in sorted(words_of(self._catalogue, place)):
                places.setdefault(word, []).append(place)
        rarity = {word: float(np.log1p(items / len(of_word))) for word, of_word in places.items()}
        squares_N = np.zeros(items)
        arrays = {word: np.array(of_word, dtype=np.int64) for word, of_word in places.items()}
        for word, of_word in arrays.items():
            squares_N[of_word] += rarity[word] ** 2
        return arrays, rarity, np.maximum(np.sqrt(squares_N), 1e-9).astype(np.float32)


def words_of(catalogue: Catalogue, place: int) -> frozenset[str]:
    """Return the words that a catalogue says of an item; a title that is the item's id says nothing."""
    title, category, brand = catalogue.titles[place], catalogue.categories[place], catalogue.brands[place]
    texts = [title if title != catalogue.item_ids[place] else None, category, brand, catalogue.descriptions.get(place)]
    whole = [f"category {category}" if category else None, f"brand {brand}" if brand else None]
    return frozenset(word for text in texts if text for word in _words(text)) | {one for one in whole if one}


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.casefold()):
        if _UNSPACED.search(word) and len(word) > 1:
            yield from (word[start : start + 2] for start in range(len(word) - 1))
        else:
            yield word
