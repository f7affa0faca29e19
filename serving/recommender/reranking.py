"""What a list should be besides relevant: varied, fresh, within the shop's rules.

The relevance of a candidate is its place among the candidates, not its score: sources score on different scales. So 1
is the whole way from the last candidate to the first, whatever recommended them. Shapes: N items of the catalogue.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models.recommender.predict import Recommender, ScoredItem
from serving.items.wishes import Wishes
from serving.recommender.diversity import diversify


def rerank(
    items: Sequence[ScoredItem],
    wishes: Wishes,
    *,
    recommender: Recommender,
    num_results: int,
    may_show: Callable[[str], bool],
) -> list[ScoredItem]:
    """Return at most ``num_results`` of the candidates and what is spare, in the order that the wishes ask for.

    Args:
        items: candidates, best first.
        wishes: what to do.
        recommender: knows each item's category, brand, age and popularity.
        num_results: length of the list.
        may_show: whether an item that is pinned may be shown in this list.
    """
    places = [recommender.catalogue.positions[item.item_id] for item in items]
    moved = _moved(items, places, wishes, recommender)
    if wishes.diversity > 0:
        categories = [recommender.catalogue.categories[place] or "" for place in _places(moved, recommender)]
        moved = diversify(moved, categories, share=wishes.diversity, num_results=len(moved))
    pinned: dict[str, int] = {}
    for place, item_ids in wishes.pins:
        for item_id in filter(may_show, item_ids):
            pinned.setdefault(item_id, place)
    capped = _capped(moved, wishes, recommender, leave_out=set(pinned))
    return _pinned(capped, pinned, items)[: num_results + wishes.spare]


def _moved(
    items: Sequence[ScoredItem], places: Sequence[int], wishes: Wishes, recommender: Recommender
) -> list[ScoredItem]:
    index = np.array(places, dtype=np.intp)
    value = 1.0 - np.arange(len(items)) / max(len(items), 1)
    for mask_N, by in wishes.boosts:
        value += by * mask_N[index]
    for by, half_life_days in wishes.prefer_new:
        value += by * 0.5 ** (recommender.age_days_N[index] / half_life_days)
    value -= wishes.less_popular * recommender.popularity_share_N[index]
    return [items[place] for place in np.argsort(-value, kind="stable")]


def _capped(
    items: Sequence[ScoredItem], wishes: Wishes, recommender: Recommender, *, leave_out: set[str]
) -> list[ScoredItem]:
    """Drop what is one too many of its category or brand, or of the cold items; without one, nothing is too many."""
    caps = dict(wishes.caps)
    if wishes.max_cold is not None and recommender.cold_N.any():
        caps["cold"] = wishes.max_cold
    cold = ["cold" if cold else None for cold in recommender.cold_N.tolist()] if "cold" in caps else []
    names = {"category": recommender.catalogue.categories, "brand": recommender.catalogue.brands, "cold": cold}
    taken: dict[tuple[str, str], int] = {}
    capped = []
    for item, place in zip(items, _places(items, recommender), strict=True):
        groups = [(per, name) for per in caps if (name := names[per][place]) is not None]
        if item.item_id in leave_out or any(taken.get(group, 0) >= caps[group[0]] for group in groups):
            continue
        for group in groups:
            taken[group] = taken.get(group, 0) + 1
        capped.append(item)
    return capped


def _pinned(
    items: Sequence[ScoredItem], pinned: Mapping[str, int], candidates: Sequence[ScoredItem]
) -> list[ScoredItem]:
    """Put the pinned items in, those of one place behind each other; one that was a candidate keeps its reasons."""
    by_id = {item.item_id: item for item in candidates}
    with_pins = list(items)
    for offset, (item_id, place) in enumerate(sorted(pinned.items(), key=lambda one: one[1])):
        behind = sum(other == place for other in sorted(pinned.values())[:offset])
        item = by_id.get(item_id, ScoredItem(item_id=item_id, score=0.0, source="pinned"))
        with_pins.insert(place - 1 + behind, item)
    return with_pins


def _places(items: Sequence[ScoredItem], recommender: Recommender) -> list[int]:
    return [recommender.catalogue.positions[item.item_id] for item in items]
