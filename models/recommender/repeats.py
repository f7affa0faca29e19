"""After how long shoppers buy an item again: when a consumable that was bought may be shown to them once more.

Shapes: E interactions, N items.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import Interactions
from models.recommender.history import BEHAVIOUR_CODES

MIN_REPEATS: Final = 5
"""Times that an item was bought again, at least, before its own interval is believed; below, its category's is."""
MIN_REPEATS_OF_CATEGORY: Final = 20
"""The same of all items of a category together."""


def usual_intervals(data: Interactions, categories: Sequence[str | None]) -> NDArray[np.float32]:
    """Return, shape (N,), the median days from one purchase of an item to the same shopper's next purchase of it.

    Of an item that was seldom bought again, that of its category; not a number where neither says enough.

    Args:
        data: what shoppers did.
        categories: of each item, None without one.
    """
    items_G, days_G = _gaps(data)
    intervals_N = np.full(data.items, np.nan, dtype=np.float32)
    names = np.array([category or "" for category in categories], dtype=np.str_)
    groups = names[items_G] if len(items_G) else np.empty(0, dtype=np.str_)
    for category in np.unique(groups[groups != ""]):
        days = days_G[groups == category]
        if len(days) >= MIN_REPEATS_OF_CATEGORY:
            intervals_N[names == category] = np.median(days)
    for item, repeats in zip(*np.unique(items_G, return_counts=True), strict=True):
        if repeats >= MIN_REPEATS:
            intervals_N[item] = np.median(days_G[items_G == item])
    return intervals_N


def _gaps(data: Interactions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each time that a shopper bought an item again on another day, the item and the days in between."""
    bought = data.behaviours_E == BEHAVIOUR_CODES["purchase"]
    days = np.floor(data.times_E[bought] / 86_400).astype(np.int64)
    visits = np.unique(np.stack([data.users_E[bought], data.items_E[bought], days], axis=1), axis=0)
    again = (np.diff(visits[:, :2], axis=0) == 0).all(axis=1)
    return visits[1:, 1][again], np.diff(visits[:, 2])[again]
