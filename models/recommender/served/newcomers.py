"""Items that came after the model's training: each is scored as the model's items are that it is most like by its text.

Where scores are products with item vectors, that is the score of the mean of those items' vectors; other scores need no
vectors. Source: the k-nearest-neighbour mapping of Z. Gantner et al., "Learning attribute-to-feature mappings for
cold-start recommendations", ICDM 2010. Shapes: N items of the model, M places for newcomers, K nearest items.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue, Mask
from models.evaluation.ranking import top_items
from models.recommender.history import History
from models.recommender.served.answers import ScoredItem
from models.recommender.served.item_text import NEAREST, ItemText, words_of
from models.recommender.served.reasons import Reason

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Newcomers:
    """The newcomers of a catalogue, behind the N items of its model."""

    catalogue: Catalogue
    text: ItemText
    words: Sequence[frozenset[str]]
    """Of each place, shape (M,); empty where nobody came, or where nothing is said."""
    nearest_MK: NDArray[np.int64]
    """The model's items that each is most like, best first."""
    weights_MK: Floats
    """How much each of those counts; all 0 where nothing is alike."""

    @classmethod
    def of(cls, catalogue: Catalogue, text: ItemText) -> "Newcomers | None":
        """Look up whom each newcomer is like; None where a catalogue has no room for any."""
        places = range(catalogue.num_known, len(catalogue))
        if not places:
            return None
        words = [words_of(catalogue, place) if catalogue.item_ids[place] else frozenset[str]() for place in places]
        nearest_MK = np.zeros((len(words), NEAREST), dtype=np.int64)
        weights_MK = np.zeros((len(words), NEAREST), dtype=np.float32)
        for row, of_one in enumerate(words):
            if of_one:
                items_K, weights_K = text.nearest(of_one)
                nearest_MK[row, : len(items_K)], weights_MK[row, : len(items_K)] = items_K, weights_K
        return cls(catalogue=catalogue, text=text, words=words, nearest_MK=nearest_MK, weights_MK=weights_MK)

    def scores(self, known_N: Floats, history: History) -> Floats:
        """Return the newcomers' scores, shape (M,).

        Args:
            known_N: of the model's items, around 0.
            history: of the shopper; what is in it counts as much as the best that is not.
        """
        raised_N = known_N.copy()
        raised_N[history.items] = raised_N.max()
        scores_M: Floats = (raised_N[self.nearest_MK] * self.weights_MK).sum(axis=1)
        return scores_M

    def best(self, known_N: Floats, history: History, *, num_results: int, masked: Mask) -> list[ScoredItem]:
        """Return the newcomers that rank first, each with the items of the history that it is like.

        Args:
            known_N: as :meth:`scores` takes them.
            history: of one shopper; not empty.
            num_results: longest answer.
            masked: items that may not be shown, shape (N + M,).
        """
        first = self.catalogue.num_known
        hidden_M = masked[first:] | (self.weights_MK[:, 0] <= 0)
        if hidden_M.all():
            return []
        scores_M = self.scores(known_N, history)
        return [
            ScoredItem(
                item_id=self.catalogue.item_ids[first + row],
                score=float(scores_M[row]),
                source="content",
                reasons=(Reason(code="new_item", item_ids=self._like(int(row), history), weight=1.0),),
            )
            for row in top_items(scores_M, length=num_results, masked=hidden_M)
        ]

    def ranked(self, known_N: Floats, history: History, *, masked: Mask) -> list[ScoredItem]:
        """Return all newcomers that are not masked with their scores, in no order; see :meth:`best`."""
        first = self.catalogue.num_known
        scores_M = self.scores(known_N, history)
        return [
            ScoredItem(item_id=self.catalogue.item_ids[first + row], score=float(scores_M[row]), source="content")
            for row in np.flatnonzero(~masked[first:])
        ]

    def stands_for(self, place: int) -> int | None:
        """Return the model's item that a newcomer is most like, or None where nothing is alike."""
        row = place - self.catalogue.num_known
        return int(self.nearest_MK[row, 0]) if self.weights_MK[row, 0] > 0 else None

    def cosines(self, place: int) -> Floats:
        """Return how like a newcomer is to every item, newcomers among them, shape (N + M,)."""
        own = self.words[place - self.catalogue.num_known]
        others = [self.text.cosine(own, words) if words else 0.0 for words in self.words]
        return np.concatenate([self.text.cosines(own), np.array(others, dtype=np.float32)])

    def _like(self, row: int, history: History) -> tuple[str, ...]:
        near = self.nearest_MK[row][self.weights_MK[row] > 0]
        shared = near[np.isin(near, history.items)][:1]
        return tuple(self.catalogue.item_ids[item] for item in shared)
