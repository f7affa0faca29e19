"""How one list is made: from a request, what is known of its shopper and the shop's rules, over the items of a moment.

A composer never changes: what takes up another state of the items makes another composer, so that a list is made of one
state, whatever other requests find meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recommender.predict import Recommender, ScoredItem
from serving.items.catalogue_filter import CatalogueFilter
from serving.items.rules import RuleBook
from serving.items.schemas import CategoryFilter, ItemFilter
from serving.items.wishes import CANDIDATES
from serving.recommender.experiments.in_force import Treatment
from serving.recommender.exploration import explored
from serving.recommender.placements import PERSONAL, Shelf, Visit, candidates, readable
from serving.recommender.reranking import rerank
from serving.recommender.schemas import MAX_RESULTS, Fallback, RecommendationRequest
from serving.tracing import span

WIN_BACK: Final = ((0.5, 14.0),)
"""A shopper who was away is shown what came since then before what was there already."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A list, and how it came about."""

    items: list[ScoredItem]
    fallback: Fallback | None
    """The rung of the ladder that gave it."""
    propensities: list[float] | None = None
    """With what chance each item stands at its place; None where the list does not explore."""

    @property
    def logged(self) -> list[list[str | float]]:
        """The items as the prediction log has them: id, score to six digits, source."""
        return [[item.item_id, round(float(item.score), 6), item.source] for item in self.items]


class ListComposer:
    """Makes lists of a recommender's items as they are at one moment."""

    def __init__(self, recommender: Recommender) -> None:
        self.recommender = recommender
        self._filter = CatalogueFilter(recommender.catalogue)

    def compose(
        self,
        request: RecommendationRequest,
        visit: Visit,
        treatment: Treatment,
        *,
        now: datetime,
        draw: Callable[[], float] | None = None,
    ) -> Listed:
        """Return the list that a request gets by some rules; nothing is written down.

        Args:
            request: what is asked for.
            visit: from :func:`serving.recommender.visits.visit_of`.
            treatment: what the shop, or the arm of an experiment, asks of its lists.
            now: the moment of the list.
            draw: numbers from 0 to below 1, where the list may explore; without it, it never does.
        """
        rules = treatment.rules
        allowed = self._filter.mask(request.filter)
        left_out = rules.left_out(request.placement, now)
        if left_out is not None:
            allowed = (self.recommender.catalogue.available if allowed is None else allowed) & ~left_out
        wishes = rules.wishes(request.placement, now).stricter(
            {"category": request.max_per_category, "brand": request.max_per_brand}
        )
        wishes = wishes.stricter({"category": treatment.max_per_category, "brand": treatment.max_per_brand})
        diversity = request.diversity if treatment.diversity is None else treatment.diversity
        explore = rules.explore(request.placement) if draw else None
        wishes = replace(wishes, diversity=diversity, spare=explore.among if explore else 0)
        if request.placement == "win_back":
            wishes = replace(wishes, prefer_new=(*wishes.prefer_new, *WIN_BACK))
        if treatment.model == "popularity":
            visit = replace(visit, placement="best_sellers")
        wanted, personal = request.num_results, visit.placement in PERSONAL
        book, due = rules.book, rules.due_again(visit.bought_at, self.recommender.usual_days_N, now)
        seen = {event.item_id for event in visit.history} | visit.bought_at.keys()
        cold_share = book.new_items if personal else 0.0
        wishes = replace(wishes, max_cold=int(cold_share * wanted) if personal else None)
        shelf = Shelf(
            num_results=min(max(4 * wanted, CANDIDATES), 4 * MAX_RESULTS) if wishes.any else wanted,
            allowed=allowed,
            exclude=_excluded(request, visit, book, due),
            segment=lambda: self._segment(visit),
            cold_share=cold_share,
            seen=frozenset() if book.seen_items == "anywhere" else frozenset(seen - due),
            # Of a list that is put in another order only what is shown in the end is explained, below.
            explain=request.explain and not wishes.any,
        )
        propensities: list[float] | None = None
        with span("call the model"):
            fallback, items = candidates(self.recommender, visit, shelf)
        if wishes.any:
            items = rerank(
                items,
                wishes,
                recommender=self.recommender,
                num_results=wanted,
                may_show=lambda item_id: self._may_show(item_id, shelf),
            )
            if explore and draw:
                pinned = {item_id for _, item_ids in wishes.pins for item_id in item_ids}
                items, propensities = explored(items, num_results=wanted, explore=explore, pinned=pinned, draw=draw)
            if request.explain and personal:
                items = self._explained(items, visit)
        # A cap may be why the list is short: what fills it up would have to keep to it, too.
        if personal and book.seen_items == "last" and not wishes.caps:
            shown = {item.item_id for item in items}
            items += self.recommender.best_sellers(
                num_results=wanted - len(items), allowed=allowed, exclude=shelf.exclude | shown
            )
        if propensities is not None:
            propensities += [1.0] * (len(items) - len(propensities))
        return Listed(items=items, fallback=fallback, propensities=propensities)

    def rank(self, item_ids: Sequence[str], visit: Visit, *, explain: bool) -> Listed:
        """Return given items in the order of what the shopper wants; the shop's rules do not move them."""
        history = readable(self.recommender, visit.history)
        with span("call the model"):
            items = self.recommender.rank(history, list(dict.fromkeys(item_ids)), explain=explain)
        return Listed(items=items, fallback=None if history else "best_sellers")

    def _segment(self, visit: Visit) -> NDArray[np.bool_] | None:
        """Return which items are of the visit's categories, or None where it has none or the catalogue knows none."""
        if not visit.categories:
            return None
        branches = CategoryFilter.model_construct(any_of=list(visit.categories))
        in_segment = self._filter.mask(ItemFilter.model_construct(category=branches, in_stock=False))
        return in_segment if in_segment is not None and in_segment.any() else None

    def _may_show(self, item_id: str, shelf: Shelf) -> bool:
        place = self.recommender.catalogue.index_of(item_id)
        allowed = self.recommender.catalogue.available if shelf.allowed is None else shelf.allowed
        return place is not None and bool(allowed[place]) and item_id not in shelf.exclude

    def _explained(self, items: list[ScoredItem], visit: Visit) -> list[ScoredItem]:
        """Name the reasons of the items that the shopper's history brought; the others came with theirs."""
        history = readable(self.recommender, visit.history)
        silent = [item for item in items if not item.reasons and item.source != "pinned"]
        explained = {item.item_id: item for item in self.recommender.explained(history, silent)}
        return [explained.get(item.item_id, item) for item in items]


def _excluded(request: RecommendationRequest, visit: Visit, book: RuleBook, due: frozenset[str]) -> frozenset[str]:
    """Return what the list is not to show: what it is about, what the request names, and what was bought."""
    # What the answer is about (the page's item, the cart) is in view already.
    exclude = frozenset(request.exclude_item_ids) | set(request.item_ids)
    if request.exclude_purchased:
        return exclude | visit.bought_at.keys()
    if book.bought_items == "never" and request.placement != "recently_viewed":
        return exclude | (visit.bought_at.keys() - due)
    return exclude
