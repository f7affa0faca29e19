"""The category of each item as it is now, for events that do not bring it."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from serving.followed_items import FollowedItems
from shopsight.live_items import LiveItem
from shopsight.marts import export_path
from shopsight.settings import Settings

Categories = Mapping[str, str]
"""By the item's id."""


def followed_categories(settings: Settings) -> FollowedItems[Categories]:
    """Return what is called for the categories of a home's items; without an export there are none."""
    return FollowedItems(export_path(settings, "items"), settings.live_items_path, read=_exported, over=_with_live)


def _exported(path: Path | None) -> Categories:
    if path is None:
        return {}
    table = pq.read_table(path, columns=["item_id", "category"])
    return {i: c for i, c in zip(*(table[n].to_pylist() for n in ("item_id", "category")), strict=True) if c}


def _with_live(categories: Categories, said: Mapping[str, LiveItem]) -> Categories:
    return {**categories, **{item_id: item.category for item_id, item in said.items() if item.category}}
