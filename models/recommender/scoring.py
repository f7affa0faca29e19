"""The contract of a scorer, and how several are blended: shared by the evaluation and the served artefact.

Needs numpy only. Shapes: B histories, N items of the catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import History, item_weights

Scores = NDArray[np.float32]


class Scorer(Protocol):
    """Anything that gives every item of the catalogue a score for a history; higher is better."""

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return finite scores, shape (B, N)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The same scores for everybody: popularity."""

    scores_N: Scores

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores repeated for each history, shape (B, N); the rows share memory."""
        return np.broadcast_to(self.scores_N, (len(histories), len(self.scores_N)))


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """A sparse item-to-item matrix: row i holds the items that i speaks for, K at most, padded with weight 0."""

    items_NK: NDArray[np.int32]
    weights_NK: NDArray[np.float32]
    decay: float
    behaviour_weights: NDArray[np.float64]
    """Weight by behaviour code; index 0 is padding."""

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the weighted sum of the rows of each history's items, shape (B, N)."""
        scores_BN = np.zeros((len(histories), len(self.items_NK)), dtype=np.float32)
        for row, history in enumerate(histories):
            items, weights = item_weights(history, decay=self.decay, behaviour_weights=self.behaviour_weights)
            if len(items):
                summands = self.weights_NK[items] * weights[:, None]
                scores_BN[row] = np.bincount(
                    self.items_NK[items].ravel(), weights=summands.ravel(), minlength=scores_BN.shape[1]
                )
        return scores_BN

    def contributions(self, history: History, item: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the distinct items of the history and what each adds to the score of ``item``: exact, it is linear."""
        items, weights = item_weights(history, decay=self.decay, behaviour_weights=self.behaviour_weights)
        hits: NDArray[np.float64] = np.where(self.items_NK[items] == item, self.weights_NK[items], 0.0).sum(axis=1)
        return items, hits * weights

    @classmethod
    def from_rows(
        cls, similarity_NN: NDArray[np.float32], *, keep: int, decay: float, behaviour_weights: Sequence[float]
    ) -> "Neighbours":
        """Keep the ``keep`` largest weights by absolute value of each row of a dense matrix."""
        keep = min(keep, similarity_NN.shape[1])
        items_NK = np.empty((len(similarity_NN), keep), dtype=np.int32)
        for start in range(0, len(similarity_NN), 1_024):
            # A part at a time: the places of all of 18,000² weights would take 2.6 GB.
            part = slice(start, start + 1_024)
            items_NK[part] = np.argpartition(-np.abs(similarity_NN[part]), keep - 1, axis=1)[:, :keep]
        return cls(
            items_NK=items_NK,
            weights_NK=np.take_along_axis(similarity_NN, items_NK, axis=1).astype(np.float32),
            decay=decay,
            behaviour_weights=np.array([0.0, *behaviour_weights]),
        )


@dataclass(frozen=True, kw_only=True)
class ItemVectors:
    """Item vectors that a hidden state is multiplied with."""

    vectors_ND: NDArray[np.float32]
    usable_N: NDArray[np.bool_]
    """False for items that nothing is known of, not even a category: they rank last, not in the middle."""

    def scores(self, hidden_BD: NDArray[np.float32]) -> Scores:
        """Return the scores of all items, shape (B, N)."""
        if len(hidden_BD) == 1:
            # One shopper, 30,000 items: a matrix times a vector, row by row, is three times as fast as the transpose.
            scores_BN: Scores = (self.vectors_ND @ hidden_BD[0])[None, :]
        else:
            scores_BN = hidden_BD @ self.vectors_ND.T
        return self.last_where_unusable(scores_BN)

    def last_where_unusable(self, scores_BN: Scores) -> Scores:
        """Return the scores, changed in place: items that are not usable have the lowest."""
        if not self.usable_N.all():
            scores_BN[:, ~self.usable_N] = scores_BN.min(axis=1, keepdims=True)
        return scores_BN


def standardise(scores_BN: Scores) -> Scores:
    """Return each row with mean 0 and deviation 1; a row without any spread (an unknown shopper) becomes zeros."""
    centred = scores_BN - scores_BN.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    standard: Scores = np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 1e-12)
    return standard


def cold_scores(sequence_BK: Scores, alike_BK: Scores | None) -> Scores:
    """Return what items without shoppers are ranked by among themselves, shape (B, K).

    The transformer's scores, standardised among these items, and where there is one the similarity to the history.
    """
    return standardise(sequence_BK) if alike_BK is None else standardise(sequence_BK) + alike_BK


def weighted_sum(standard: Mapping[str, Scores], weights: Mapping[str, float]) -> Scores:
    """Return the blend of standardised scores, shape (B, N), always summed in the order of ``weights``."""
    names = iter(weights)
    first = next(names)
    total: Scores = np.float32(weights[first]) * standard[first]
    for name in names:
        total += np.float32(weights[name]) * standard[name]
    return total
