"""Items that no shopper had interacted with at training time, ranked among themselves.

Their vectors are projected from what the catalogue says of them. Shapes: N items, K new items, D size of a vector.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue, Mask
from models.evaluation.ranking import top_items
from models.recommender.history import History
from models.recommender.scoring import Neighbours, Scores, cold_scores
from models.recommender.served.answers import ScoredItem
from models.recommender.served.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class NewItems:
    """The new items of a catalogue, one at least, and the vectors that they are compared by."""

    catalogue: Catalogue
    new_N: Mask
    vectors_ND: NDArray[np.float32]
    norms_N: NDArray[np.float32]
    """Length of each vector, above 0."""
    similarity: Neighbours | None
    """What each item of a history adds for the new items that are like it."""

    @classmethod
    def of(
        cls, catalogue: Catalogue, new_N: Mask, vectors_ND: NDArray[np.float32], similarity: Neighbours | None
    ) -> "NewItems":
        """Measure the vectors once."""
        norms_N = np.maximum(np.linalg.norm(vectors_ND, axis=1), 1e-9)
        return cls(catalogue=catalogue, new_N=new_N, vectors_ND=vectors_ND, norms_N=norms_N, similarity=similarity)

    def best(self, history: History, sequence_1N: Scores, *, num_results: int, masked: Mask) -> list[ScoredItem]:
        """Return the new items that rank first among themselves, each with the history's item that it is most like.

        Args:
            history: of one shopper; not empty.
            sequence_1N: the transformer's scores for it.
            num_results: longest answer.
            masked: items that may not be shown, shape (N,).
        """
        new_K = np.flatnonzero(self.new_N)
        similarity_1K = self.similarity.scores([history])[:, new_K] if self.similarity is not None else None
        scores_K = cold_scores(sequence_1N[:, new_K], similarity_1K)[0]
        return [
            ScoredItem(
                item_id=self.catalogue.item_ids[new_K[place]],
                score=float(scores_K[place]),
                source="content",
                reasons=(
                    Reason(code="new_item", item_ids=(self._nearest_item(int(new_K[place]), history),), weight=1.0),
                ),
            )
            for place in top_items(scores_K, length=num_results, masked=masked[new_K])
        ]

    def cosines(self, item: int, others: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float32]:
        """Return the cosines of an item's vector with those of others, by default of all."""
        products = self.vectors_ND[others] @ self.vectors_ND[item]
        cosines: NDArray[np.float32] = products / (self.norms_N[others] * self.norms_N[item])
        return cosines

    def _nearest_item(self, item: int, history: History) -> str:
        distinct = np.unique(history.items)
        return self.catalogue.item_ids[int(distinct[np.argmax(self.cosines(item, distinct))])]
