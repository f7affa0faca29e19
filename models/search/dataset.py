"""The searches that led to an item, in the order of time, and the items as they are searched.

Shapes: N items.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.search.documents import Floats
from models.search.matching import TEXTS
from models.search.predict import DEMAND
from models.search.profiles import LOOKED_BACK, Profile
from models.tabular.errors import BadTrainingTableError

NEEDED: Final = ("event_timestamp", "query", "clicked_item_id", "user_id")
"""Columns of the training set: those of the mart ``search_clicks``, and ``weight`` where places are corrected for."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search that led to an item of the catalogue."""

    query: str
    item_id: str
    """What was clicked."""
    user_id: str | None
    at_us: int
    """When, in microseconds since 1970."""
    weight: float
    """1, or 1 over how often the place that was clicked is looked at."""

    @property
    def day(self) -> date:
        """Its day (UTC)."""
        return date.fromordinal(date(1970, 1, 1).toordinal() + self.at_us // 86_400_000_000)


def read_searches(rows: pa.Table, item_ids: Sequence[str], *, at_most: int) -> list[Search]:
    """Return the newest searches that led to an item of the catalogue, oldest first.

    Raises:
        BadTrainingTableError: the table lacks a column.
    """
    missing = [name for name in NEEDED if name not in rows.column_names]
    if missing:
        raise BadTrainingTableError(
            f"the training set of search lacks {', '.join(missing)}",
            why="it is made from the mart search_clicks",
            fix="run the asset search_training_set",
        )
    clicked = rows.filter(pc.is_in(rows["clicked_item_id"], value_set=pa.array(item_ids, pa.string())))
    order = pc.sort_indices(clicked, sort_keys=[("event_timestamp", "ascending"), ("query", "ascending")])
    newest = clicked.take(order).slice(max(0, clicked.num_rows - at_most))
    moments = newest["event_timestamp"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    weights = newest["weight"].to_pylist() if "weight" in newest.column_names else [1.0] * newest.num_rows
    columns = (newest[name].to_pylist() for name in ("query", "clicked_item_id", "user_id"))
    return [
        Search(query=query, item_id=item_id, user_id=user_id, at_us=at_us, weight=float(weight))
        for query, item_id, user_id, at_us, weight in zip(*columns, moments, weights, strict=True)
    ]


def item_texts(items: pa.Table) -> list[dict[str, str]]:
    """Return what each item says, field by field; a title that is the item's id is none."""
    columns = [items[name].to_pylist() if name in items.column_names else [None] * items.num_rows for name in TEXTS]
    ids = items["item_id"].to_pylist()
    return [
        {name: str(text) if text and text != item_id else "" for name, text in zip(TEXTS, row, strict=True)}
        for item_id, row in zip(ids, zip(*columns, strict=True), strict=True)
    ]


def demand_until(demand: pa.Table, item_ids: Sequence[str], *, before: date | None = None) -> Floats:
    """Return the views and purchases of each item before a day, shape (N, 2); of all days where none is given.

    Args:
        demand: the mart ``item_demand_daily``.
        item_ids: the items, in the order of the rows that are returned.
        before: a day (UTC).
    """
    if before is not None:
        demand = demand.filter(pc.less(demand["event_date"], pa.scalar(before, pa.date32())))
    sums = demand.group_by("item_id").aggregate([(name, "sum") for name in DEMAND])
    places = {item_id: place for place, item_id in enumerate(item_ids)}
    counts = np.zeros((len(item_ids), len(DEMAND)))
    columns = (sums[name].to_pylist() for name in ("item_id", *(f"{name}_sum" for name in DEMAND)))
    for item_id, *values in zip(*columns, strict=True):
        if (place := places.get(item_id)) is not None:
            counts[place] = [float(value or 0) for value in values]
    return counts


class Pasts:
    """What each shopper had done by a moment, from the mart ``interactions``."""

    def __init__(self, interactions: pa.Table) -> None:
        moments = interactions["event_timestamp"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
        of_user: dict[str, list[tuple[int, str]]] = {}
        columns = (interactions["user_id"].to_pylist(), moments, interactions["item_id"].to_pylist())
        for user_id, at_us, item_id in zip(*columns, strict=True):
            of_user.setdefault(user_id, []).append((at_us, item_id))
        self._of_user: Mapping[str, list[tuple[int, str]]] = {user: sorted(rows) for user, rows in of_user.items()}

    def before(self, user_id: str | None, at_us: int) -> Profile | None:
        """Return a shopper's last interactions before a moment, or None where there are none."""
        rows = self._of_user.get(user_id or "", [])
        end = bisect_left(rows, (at_us, ""))
        if end == 0:
            return None
        return Profile(item_ids=[item_id for _, item_id in rows[max(0, end - LOOKED_BACK) : end]])
