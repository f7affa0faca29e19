"""Lists that need no shopper: popular, best-selling, trending, together, similar. Shapes: N items of the catalogue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue, Mask
from models.evaluation.ranking import top_items
from models.recommender.history import History
from models.recommender.scoring import Neighbours
from models.recommender.served.answers import ScoredItem, Together
from models.recommender.served.new_items import NewItems
from models.recommender.served.newcomers import Newcomers
from models.recommender.served.reasons import Reason
from shopsight.errors import ShopsightError


class UnknownItemError(ShopsightError):
    """An item that is not in the catalogue of the model."""


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Scores of every item that are the same for all shoppers, and what goes with each item."""

    catalogue: Catalogue
    best_sellers_N: NDArray[np.float32]
    trending_N: NDArray[np.float32]
    popularity_N: NDArray[np.float32]
    neighbours: Mapping[str, Neighbours]
    """``item_knn``; ``viewed_together`` and ``bought_together``, where the model has them."""
    category_codes_N: NDArray[np.int64]
    """Equal for items of the same category; -1 without one."""
    new_items: NewItems | None
    """None where every item has shoppers."""
    newcomers: Newcomers | None = None
    """None where there is no room for any."""

    def best_sellers(self, *, num_results: int, allowed: Mask | None, exclude: Collection[str]) -> list[ScoredItem]:
        """Return the most bought items; where purchases are equal, those that more shoppers interacted with."""
        masked = self.masked(allowed, exclude)
        return self.listed(self.best_sellers_N, "best_sellers", num_results, masked, reason="best_seller")

    def trending(self, *, num_results: int, allowed: Mask | None, exclude: Collection[str]) -> list[ScoredItem]:
        """Return the items with the most attention lately."""
        masked = self.masked(allowed, exclude)
        return self.listed(self.trending_N, "trending", num_results, masked, reason="trending")

    def popular(self, *, num_results: int, masked: Mask) -> list[ScoredItem]:
        """Return the items that the most shoppers began with lately."""
        return self.listed(self.popularity_N, "popularity", num_results, masked, reason="popular")

    def together(
        self,
        kind: Together,
        item_ids: Sequence[str],
        *,
        num_results: int,
        allowed: Mask | None,
        exclude: Collection[str],
    ) -> list[ScoredItem]:
        """Return what is viewed or bought together with any of these items; none where nothing is known to be."""
        neighbours = self.neighbours.get(kind)
        places = map(self.catalogue.index_of, item_ids)
        items = [item for item in places if item is not None and item < self.catalogue.num_known]
        if neighbours is None or not items:
            return []
        page = History(np.array(items), np.ones(len(items), dtype=np.int64))
        scores_N = self._of_all(neighbours.scores([page])[0])
        masked = self.masked(allowed, {*exclude, *item_ids}) | (scores_N <= 0)
        return [
            ScoredItem(
                item_id=self.catalogue.item_ids[item],
                score=float(scores_N[item]),
                source=kind,
                reasons=self._goes_with(neighbours, page, int(item), kind),
            )
            for item in top_items(scores_N, length=num_results, masked=masked)
        ]

    def similar(
        self, item_id: str, *, num_results: int, allowed: Mask | None, exclude: Collection[str]
    ) -> list[ScoredItem]:
        """Return items that shoppers interacted with near this one, then popular items of its category.

        Of a new item, those whose vectors point the same way as what its text and attributes say; of one that came
        after the training, those whose words are most like its own.

        Raises:
            UnknownItemError: the catalogue has no such item.
        """
        item = self.catalogue.index_of(item_id)
        if item is None:
            raise UnknownItemError(
                f"There is no item {item_id!r} in the recommender's catalogue.",
                why="when the model was trained, no catalogue listed it and no shopper had interacted with it",
                fix="ask for another item, or train again after the item was ingested",
            )
        masked = self.masked(allowed, {*exclude, item_id})
        if self.newcomers is not None and item >= self.catalogue.num_known:
            cosines_N = self.newcomers.cosines(item)
            masked |= cosines_N <= 0
            return self.listed(cosines_N, "content", num_results, masked, reason="similar_content", because=item_id)
        if self.new_items is not None and self.new_items.new_N[item]:
            cosines_N = self._of_all(self.new_items.cosines(item), unknown=-1.0)
            return self.listed(cosines_N, "content", num_results, masked, reason="similar_content", because=item_id)
        near_N = self._of_all(self.neighbours["item_knn"].scores([History(np.array([item]), np.array([1]))])[0])
        near = self.listed(
            near_N, "item_knn", num_results, masked | (near_N <= 0), reason="often_together", because=item_id
        )
        if len(near) == num_results or self.category_codes_N[item] < 0:
            return near
        others = masked | (self.category_codes_N != self.category_codes_N[item])
        others[[self.catalogue.positions[one.item_id] for one in near]] = True
        missing = num_results - len(near)
        return near + self.listed(
            self.popularity_N, "category", missing, others, reason="same_category", because=item_id
        )

    def masked(self, allowed: Mask | None, exclude: Collection[str]) -> Mask:
        """Return which items may not be shown: those not ``allowed`` (by default, not available) or excluded."""
        masked = ~(self.catalogue.available if allowed is None else allowed)
        masked[[item for item in map(self.catalogue.index_of, exclude) if item is not None]] = True
        return masked

    def listed(
        self,
        scores_N: NDArray[np.float32],
        source: str,
        num_results: int,
        masked: Mask,
        *,
        reason: str,
        because: str | None = None,
    ) -> list[ScoredItem]:
        """Return the best unmasked items by ``scores_N``, all with the same reason."""
        why = (Reason(code=reason, item_ids=() if because is None else (because,), weight=1.0),)
        return [
            ScoredItem(item_id=self.catalogue.item_ids[item], score=float(scores_N[item]), source=source, reasons=why)
            for item in top_items(scores_N, length=num_results, masked=masked)
        ]

    def _of_all(self, scores_N: NDArray[np.float32], *, unknown: float = 0.0) -> NDArray[np.float32]:
        """Return scores of the model's items as scores of the catalogue's, in which others may stand behind them."""
        return np.pad(scores_N, (0, len(self.catalogue) - len(scores_N)), constant_values=unknown)

    def _goes_with(self, neighbours: Neighbours, page: History, item: int, kind: Together) -> tuple[Reason, ...]:
        items, parts = neighbours.contributions(page, item)
        order = [place for place in np.argsort(-parts, kind="stable")[:2] if parts[place] > 0]
        total = float(parts.sum())
        return tuple(
            Reason(code=kind, item_ids=(self.catalogue.item_ids[items[place]],), weight=float(parts[place]) / total)
            for place in order
        )


def category_codes(catalogue: Catalogue) -> NDArray[np.int64]:
    """Return a number for each item's category, -1 without one, shape (N,)."""
    names = sorted({name for name in catalogue.categories if name is not None})
    codes = {name: code for code, name in enumerate(names)}
    return np.array([-1 if name is None else codes[name] for name in catalogue.categories], dtype=np.int64)
