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
    names, codes_N = np.unique([category or "" for category in categories], return_inverse=True)
    of_category = _medians(codes_N[items_G], days_G, minimum=MIN_REPEATS_OF_CATEGORY, groups=len(names))
    of_category[names == ""] = np.nan
    own_N = _medians(items_G, days_G, minimum=MIN_REPEATS, groups=data.items)
    return np.where(np.isnan(own_N), of_category[codes_N], own_N).astype(np.float32)


def _medians(
    groups_G: NDArray[np.int64], days_G: NDArray[np.int64], *, minimum: int, groups: int
) -> NDArray[np.float64]:
    """Return each group's median, not a number where it has fewer than ``minimum`` members."""
    order = np.argsort(groups_G, kind="stable")
    ends = np.cumsum(np.bincount(groups_G, minlength=groups))
    medians = np.full(groups, np.nan)
    for group, days in enumerate(np.split(days_G[order], ends[:-1])):
        if len(days) >= minimum:
            medians[group] = np.median(days)
    return medians


def _gaps(data: Interactions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each time that a shopper bought an item again on another day, the item and the days in between."""
    bought = data.behaviours_E == BEHAVIOUR_CODES["purchase"]
    days = np.floor(data.times_E[bought] / 86_400).astype(np.int64)
    visits = np.unique(np.stack([data.users_E[bought], data.items_E[bought], days], axis=1), axis=0)
    again = (np.diff(visits[:, :2], axis=0) == 0).all(axis=1)
    return visits[1:, 1][again], np.diff(visits[:, 2])[again]
