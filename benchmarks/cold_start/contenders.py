"""What ranks the cold items, and what a shopper without a past is shown: all of it fitted on one training part.

Shapes: B histories, N items, F features, C cold items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.recommender.dataset import Interactions
from models.recommender.history import History, item_weights
from models.recommender.scoring import Scorer, Scores, standardise, weighted_sum
from models.recommender.served.item_text import ItemText
from models.recommender.served.newcomers import Newcomers

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
class Newer:
    """Cold items as they are ranked that came after the training: as the warm items are that their words are like."""

    scorers: Mapping[str, Scorer]
    weights: Mapping[str, float]
    newcomers: Newcomers
    warm_W: NDArray[np.int64]
    cold_K: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        cold_N: NDArray[np.bool_],
        scorers: Mapping[str, Scorer],
        weights: Mapping[str, float],
    ) -> "Newer":
        """Take a shop apart as the training was: the model knows the warm items, and their descriptions it lacks."""
        warm_W, cold_K = np.flatnonzero(~cold_N), np.flatnonzero(cold_N)
        order = np.concatenate([warm_W, cold_K]).tolist()
        texts = {at: catalogue.descriptions.get(place, "") for at, place in enumerate(order) if at >= len(warm_W)}
        apart = replace(
            catalogue,
            item_ids=[catalogue.item_ids[place] for place in order],
            titles=[catalogue.titles[place] for place in order],
            categories=[catalogue.categories[place] for place in order],
            brands=[catalogue.brands[place] for place in order],
            descriptions=texts,
            num_known=len(warm_W),
        )
        newcomers = Newcomers.of(apart, ItemText(apart))
        assert newcomers is not None, "a tenth of the items is cold"
        return cls(scorers=scorers, weights=weights, newcomers=newcomers, warm_W=warm_W, cold_K=cold_K)

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N); those of warm ones are 0."""
        place_N = np.full(len(self.warm_W) + len(self.cold_K), -1, dtype=np.int64)
        place_N[self.warm_W] = np.arange(len(self.warm_W))
        standard = {name: standardise(self.scorers[name].scores(histories)[:, self.warm_W]) for name in self.weights}
        blend_BW = weighted_sum(standard, self.weights)
        scores_BN: Scores = np.zeros((len(histories), len(place_N)), dtype=np.float32)
        for row, history in enumerate(histories):
            read = History(place_N[history.items], history.behaviours)
            scores_BN[row, self.cold_K] = self.newcomers.scores(blend_BW[row], read)
        return scores_BN


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
