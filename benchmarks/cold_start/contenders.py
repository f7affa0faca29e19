"""What ranks the cold items, and what a shopper without a past is shown: all of it fitted on one training part.

Shapes: B histories, N items, F features, C cold items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import Interactions
from models.recommender.history import History, item_weights
from models.recommender.scoring import Scores

_DECAY = 0.7
_EVENTS = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class RandomOrder:
    """Every history has an order of its own, drawn."""

    items: int
    seed: int

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N)."""
        rng = np.random.default_rng([self.seed, len(histories), int(histories[0].items.sum())])
        return rng.random((len(histories), self.items), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class SameAttributes:
    """Items that share most attributes (category, brand) with the shopper's last item; best sellers break the ties.

    An item without sales counts for what others of its attributes sold: the mean, over its attributes, of their items'
    users.
    """

    attributes_NA: NDArray[np.int64]
    selling_N: NDArray[np.float32]

    @classmethod
    def of(cls, train: Interactions, attributes_NA: NDArray[np.int64]) -> "SameAttributes":
        """Return the baseline over the users that items of the same attributes have in ``train``."""
        users_N = train.distinct_users_per_item().astype(np.float64)
        size = int(attributes_NA.max(initial=0)) + 1
        warm_NA = np.where((users_N > 0)[:, None], attributes_NA, 0)
        items_F = np.bincount(warm_NA.ravel(), minlength=size)
        users_F = np.bincount(warm_NA.ravel(), weights=np.repeat(users_N, attributes_NA.shape[1]), minlength=size)
        mean_F = users_F / np.maximum(items_F, 1)
        mean_F[0] = 0.0
        known_N = np.maximum((attributes_NA > 0).sum(axis=1), 1)
        alike_N = mean_F[attributes_NA].sum(axis=1) / known_N
        return cls(attributes_NA=attributes_NA, selling_N=np.where(users_N > 0, users_N, alike_N).astype(np.float32))

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N)."""
        tie_N = self.selling_N / (self.selling_N.max(initial=0.0) + 1.0)
        shared = []
        for history in histories:
            last = self.attributes_NA[history.items[-1]]
            shared.append(np.isin(self.attributes_NA, last[last > 0]).sum(axis=1))
        scores_BN: Scores = np.stack(shared).astype(np.float32) + tie_N
        return scores_BN


@dataclass(frozen=True, kw_only=True)
class Content:
    """Items whose features lie nearest to those of the history, newer items counting more."""

    features_NF: Any
    """Rows of norm 1 or 0; dense or sparse."""

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N)."""
        rows = []
        for history in histories:
            items, weights = item_weights(history, decay=_DECAY, behaviour_weights=_EVENTS)
            rows.append(np.asarray(weights @ self.features_NF[items]).ravel())
        scores_NB = np.asarray(self.features_NF @ np.stack(rows).T)
        scores_BN: Scores = np.ascontiguousarray(scores_NB.T).astype(np.float32)
        return scores_BN
