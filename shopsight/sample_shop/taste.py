"""A planted change of taste: from one day on, shoppers want the goods of another shelf, and what few wanted before.

Each shopper goes on as before, and each item is another one: the new shop is as easy to learn as the old one, so what a
model loses on that day is all that it knew of items.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.journeys import Views
from shopsight.sample_shop.sessions import DAY_US, MAX_SESSION_US, Sessions


def successor_shelves(shelves: int) -> NDArray[np.int64]:
    """Return the shelf that takes each one's place: the one half of the shop further on, so mostly of another kind.

    >>> successor_shelves(6).tolist()
    [3, 4, 5, 0, 1, 2]
    """
    return (np.arange(shelves) + shelves // 2) % shelves


def successor_items(catalogue: Catalogue) -> NDArray[np.int32]:
    """Return the item that takes each one's place: of the succeeding shelf, the last one for the most popular."""
    start_L = catalogue.leaf_start_L
    leaf_I = catalogue.leaf_I.astype(np.int64)
    rank_I = np.arange(len(leaf_I)) - start_L[leaf_I]
    shelf_I = successor_shelves(len(start_L) - 1)[leaf_I]
    # Shelves differ in size by one item at most; the first of the larger one stands in for its missing successor.
    return np.maximum(start_L[shelf_I + 1] - 1 - rank_I, start_L[shelf_I]).astype(np.int32)


def with_changed_taste(
    config: SampleShopConfig, catalogue: Catalogue, sessions: Sessions, views: Views
) -> tuple[Sessions, Views]:
    """Return sessions and views in which, from the day of the change on, each item is its successor."""
    if config.taste_changes_on is None:
        return sessions, views
    after_S = sessions.start_S >= config.starts_at_us + config.taste_changes_on * DAY_US
    after_V = after_S[views.session_V]
    item_V = np.where(after_V, successor_items(catalogue)[views.item_V], views.item_V)
    gone_V = after_V & views.chosen_V
    gone_V &= catalogue.is_sold_out(item_V, sessions.start_S[views.session_V], ahead_us=MAX_SESSION_US)
    item_V = np.where(gone_V, catalogue.substitute_I[item_V], item_V).astype(np.int32)
    leaf_S = np.where(after_S, successor_shelves(len(catalogue.leaf_start_L) - 1)[sessions.leaf_S], sessions.leaf_S)
    return replace(sessions, leaf_S=leaf_S), replace(views, item_V=item_V)
