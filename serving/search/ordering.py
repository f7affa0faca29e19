"""The shop's rules over search results: what is left out, moved and pinned; relevance is the place among them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from models.catalogue import Catalogue
from models.search.documents import Ints
from serving.items.rules import RulesInForce

PLACEMENT = "search"
"""What rules call the results of a search."""


def ordered(places: Ints, rules: RulesInForce, now: datetime) -> tuple[Ints, frozenset[int]]:
    """Return the places of the items as the rules want them, best first, and which of them a rule pinned.

    A boost of 1 is the whole way from the last result to the first, as in lists of the recommender. Of a brand or
    category that has so many places at most, what is one too many is left out. A pinned item is moved where it was
    found; search never shows what a query does not mean.
    """
    wishes = rules.wishes(PLACEMENT, now)
    relevance = 1.0 - np.arange(len(places)) / max(len(places), 1)
    for mask, by in wishes.boosts:
        relevance = relevance + by * mask[places]
    moved = places[np.argsort(-relevance, kind="stable")]
    pinned: list[tuple[int, int]] = []
    among = set(moved.tolist())
    for place, item_ids in wishes.pins:
        at = place - 1
        for item_id in item_ids:
            position = rules.catalogue.index_of(item_id)
            if position is not None and position in among:
                pinned.append((at, position))
                at += 1
    are_pinned = frozenset(position for _, position in pinned)
    rest = [position for position in moved.tolist() if position not in are_pinned]
    rest = _capped(rest, wishes.caps, rules.catalogue)
    for at, position in sorted(pinned):
        rest.insert(min(at, len(rest)), position)
    return np.array(rest, dtype=np.int64), are_pinned


def _capped(places: Sequence[int], caps: Mapping[str, int], catalogue: Catalogue) -> list[int]:
    """Return the places without what is one too many of its category or brand; without one, nothing is too many."""
    names = {"category": catalogue.categories, "brand": catalogue.brands}
    taken: Counter[tuple[str, str]] = Counter()
    fitting = []
    for place in places:
        groups = [(per, name) for per in caps if (name := names[per][place]) is not None]
        if all(taken[group] < caps[group[0]] for group in groups):
            taken.update(groups)
            fitting.append(place)
    return fitting


def rows_in_order(places_found: Ints, wanted: Sequence[int]) -> list[int]:
    """Return the row of each wanted place among the places that were found."""
    row_of = {place: row for row, place in enumerate(places_found.tolist())}
    return [row_of[place] for place in wanted]
