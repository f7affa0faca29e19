"""What each place of the shop shows: from what is known of a shopper to candidates, down the ladder.

A ladder is a list of rungs. The first rung that has items gives the list and is named in ``fallback`` (the top one is
None); rungs below fill it up, and every item names its own source.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import BEHAVIOURS
from models.recommender.predict import HistoryEvent, Recommender, ScoredItem, Together
from models.recommender.served.reasons import Reason
from serving.recommender.schemas import Fallback

Rung = tuple[Fallback | None, Callable[[], Sequence[ScoredItem]]]
"""A rung's name in ``fallback`` and what it recommends."""

RANK_CONSTANT: Final = 60
"""Of reciprocal rank fusion; G. Cormack et al., "Reciprocal Rank Fusion" (2009)."""

TOGETHER: Final[dict[str, Together]] = {
    "also_viewed": "viewed_together",
    "bought_together": "bought_together",
    "cart_complement": "bought_together",
}
MAX_REASONS: Final = 2
"""Items that a reason names."""
PERSONAL: Final = ("recommended_for_you", "win_back")
"""Placements that the sequence model answers."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a list may be made from."""

    placement: str
    item_ids: Sequence[str]
    """What the page or cart is about."""
    online: Sequence[HistoryEvent]
    """The history that is kept online, oldest first."""
    recent: Sequence[HistoryEvent]
    """The request's own events, which come after it."""
    bought_at: Mapping[str, float | None] = field(default_factory=dict)
    """When the shopper last bought each item, in seconds since 1970; None where it was just now."""
    categories: Sequence[str] = ()
    """The shopper's segment: categories of the request's events, or else the one that they mostly look at."""
    alike: Sequence[tuple[str, float]] = ()
    """Items whose pictures look like those of ``item_ids``, best first, and how alike they are, at most 1."""

    @property
    def history(self) -> list[HistoryEvent]:
        """Everything that was done, oldest first."""
        return [*self.online, *self.recent]

    @property
    def cart(self) -> list[str]:
        """What lies in the cart: the items that the request names, or else those that went in and did not come out."""
        if self.item_ids:
            return list(self.item_ids)
        cart: dict[str, None] = {}
        for event in self.history:
            if event.event_name == "add_to_cart":
                cart[event.item_id] = None
            elif event.event_name in ("remove_from_cart", "purchase"):
                cart.pop(event.item_id, None)
        return list(cart)


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What may be shown."""

    num_results: int
    allowed: NDArray[np.bool_] | None
    """Shape (N,); None is what is in stock."""
    exclude: frozenset[str]
    segment: Callable[[], NDArray[np.bool_] | None] = lambda: None
    """Which items are of the shopper's segment, shape (N,), looked up where it comes to that; None where of none."""
    explain: bool = False
    """Whether what the model recommends should come with its reasons."""
    cold_share: float = 0.0
    """Largest share of a personal list that items may take which nobody had touched."""
    seen: frozenset[str] = frozenset()
    """What the shopper has seen and a personal list is not to show as if it were new."""


def candidates(recommender: Recommender, visit: Visit, shelf: Shelf) -> tuple[Fallback | None, list[ScoredItem]]:
    """Return the first rung that had items, and its items filled up from the rungs below.

    Where no rung has any (the filter left none), the lowest is named: everything was tried.
    """
    fallback: Fallback | None = None
    items: dict[str, ScoredItem] = {}
    for name, recommend in _rungs(recommender, visit, shelf):
        if not items:
            fallback = name
        for item in recommend():
            items.setdefault(item.item_id, item)
        if len(items) >= shelf.num_results:
            break
    return fallback, list(items.values())[: shelf.num_results]


def readable(recommender: Recommender, events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Return the events that the model can read; a history of others is none."""
    index_of = recommender.catalogue.index_of
    return [e for e in events if e.event_name in BEHAVIOURS and index_of(e.item_id) is not None]


def _rungs(model: Recommender, visit: Visit, shelf: Shelf) -> Iterator[Rung]:
    num_results, allowed, exclude = shelf.num_results, shelf.allowed, shelf.exclude
    rung: Fallback | None
    if visit.placement == "best_sellers":
        yield None, lambda: model.best_sellers(num_results=num_results, allowed=allowed, exclude=exclude)
        return
    if visit.placement == "recently_viewed":
        viewed = _recently_viewed(model, visit.history, shelf)
        if viewed:
            yield None, lambda: viewed
            return  # anything else was not viewed
    if visit.placement in PERSONAL:
        history = readable(model, visit.history)
        if history:
            rung = None if readable(model, visit.online) else "session_events"
            exclude = exclude | shelf.seen
            yield (
                rung,
                lambda: model.recommend(
                    history,
                    num_results=num_results,
                    allowed=allowed,
                    exclude=exclude,
                    explain=shelf.explain,
                    cold_share=shelf.cold_share,
                    seen_again=True,  # what is not to be seen again is excluded
                ),
            )
    if visit.placement in TOGETHER:
        yield None, lambda: _together(model, visit, shelf)
    if visit.placement == "looks_like_this":
        yield None, lambda: _alike(model, visit, shelf)
    if visit.placement in ("recommended_for_you", "similar_items", "also_viewed", "looks_like_this"):
        rung = None if visit.placement == "similar_items" else "similar_items"
        yield rung, lambda: _similar_to_any(model, visit.item_ids, shelf)
    if visit.placement in PERSONAL:
        yield "trending_in_segment", lambda: _trending_in_segment(model, shelf)
    rung = None if visit.placement == "trending" else "trending"
    yield rung, lambda: model.trending(num_results=num_results, allowed=allowed, exclude=exclude)
    yield "best_sellers", lambda: model.best_sellers(num_results=num_results, allowed=allowed, exclude=exclude)


def _trending_in_segment(model: Recommender, shelf: Shelf) -> list[ScoredItem]:
    """Return what has attention among the items of the shopper's segment, and nothing that has none."""
    segment = shelf.segment()
    if segment is None:
        return []
    allowed = (model.catalogue.available if shelf.allowed is None else shelf.allowed) & segment
    trending = model.trending(num_results=shelf.num_results, allowed=allowed, exclude=shelf.exclude)
    return [item for item in trending if item.score > 0]


def _together(model: Recommender, visit: Visit, shelf: Shelf) -> list[ScoredItem]:
    """Return what goes with the page or the cart; beside a cart, another item of a category in it stands last.

    A second phone is no complement to a phone, however often two were compared and both bought.
    """
    about = visit.cart if visit.placement == "cart_complement" else visit.item_ids
    exclude = shelf.exclude | set(about)
    kind = TOGETHER[visit.placement]
    together = model.together(kind, about, num_results=shelf.num_results, allowed=shelf.allowed, exclude=exclude)
    if visit.placement != "cart_complement":
        return together
    places = [place for place in map(model.catalogue.index_of, about) if place is not None]
    in_cart = {model.catalogue.categories[place] for place in places} - {None}
    return sorted(together, key=lambda i: model.catalogue.categories[model.catalogue.positions[i.item_id]] in in_cart)


def _similar_to_any(model: Recommender, item_ids: Sequence[str], shelf: Shelf) -> list[ScoredItem]:
    """Return items similar to any of ``item_ids``; lists of several are fused by rank, as their scores differ."""
    in_catalogue = [i for i in dict.fromkeys(item_ids) if model.catalogue.index_of(i) is not None]
    lists = [
        model.similar_items(item_id, num_results=shelf.num_results, allowed=shelf.allowed, exclude=shelf.exclude)
        for item_id in in_catalogue
    ]
    if len(lists) <= 1:
        return lists[0] if lists else []
    fused: dict[str, ScoredItem] = {}
    for similar in lists:
        for rank, item in enumerate(similar, start=1):
            before = fused.get(item.item_id)
            fused[item.item_id] = ScoredItem(
                item_id=item.item_id,
                score=(before.score if before else 0.0) + 1 / (RANK_CONSTANT + rank),
                source=item.source,
                reasons=(before.reasons if before else ()) + item.reasons,
            )
    return sorted(fused.values(), key=lambda item: (-item.score, item.item_id))


def _alike(model: Recommender, visit: Visit, shelf: Shelf) -> list[ScoredItem]:
    """Return what looks like the items of the page."""
    allowed = model.catalogue.available if shelf.allowed is None else shelf.allowed
    exclude = shelf.exclude | set(visit.item_ids)
    reason = (Reason(code="looks_like", item_ids=tuple(visit.item_ids[:MAX_REASONS]), weight=1.0),)
    return [
        ScoredItem(item_id=item_id, score=score, source="pictures", reasons=reason)
        for item_id, score in visit.alike
        if (place := model.catalogue.index_of(item_id)) is not None and allowed[place] and item_id not in exclude
    ][: shelf.num_results]


def _recently_viewed(model: Recommender, history: Sequence[HistoryEvent], shelf: Shelf) -> list[ScoredItem]:
    viewed = dict.fromkeys(event.item_id for event in reversed(history) if event.event_name == "view_item")
    allowed = model.catalogue.available if shelf.allowed is None else shelf.allowed
    items: list[ScoredItem] = []
    for item_id in viewed:
        place = model.catalogue.index_of(item_id)
        if place is None or item_id in shelf.exclude or not allowed[place]:
            continue
        items.append(ScoredItem(item_id=item_id, score=1 / (1 + len(items)), source="recently_viewed", reasons=()))
    return items
