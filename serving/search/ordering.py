"""The shop's rules over search results: what is left out, moved and pinned; relevance is the place among them."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.search.documents import Ints
from serving.items.rules import RulesInForce

PLACEMENT = "search"
"""What rules call the results of a search."""


def ordered(places: Ints, rules: RulesInForce, now: datetime) -> tuple[Ints, frozenset[int]]:
    """Return the places of the items as the rules want them, best first, and which of them a rule pinned.

    A boost of 1 is the whole way from the last result to the first, as in lists of the recommender. A pinned item is
    moved where it was found; search never shows what a query does not mean.
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
    rest = [position for position in moved.tolist() if position not in {item for _, item in pinned}]
    for at, position in sorted(pinned):
        rest.insert(min(at, len(rest)), position)
    return np.array(rest, dtype=np.int64), frozenset(position for _, position in pinned)


def left_out(rules: RulesInForce, now: datetime) -> NDArray[np.bool_] | None:
    """Return which items the rules keep out of searches, or None where they keep none out."""
    return rules.left_out(PLACEMENT, now)


def rows_in_order(places_found: Ints, wanted: Sequence[int]) -> list[int]:
    """Return the row of each wanted place among the places that were found."""
    row_of = {place: row for row, place in enumerate(places_found.tolist())}
    return [row_of[place] for place in wanted]
