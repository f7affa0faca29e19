"""The items that a trained model knows, in the order of all its arrays, and behind them those that came later.

Shapes: N items.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shopsight.live_items import LiveItem

Mask = NDArray[np.bool_]

ITEM_STATE: Final = ("title", "category", "brand", "price", "is_available", "is_listed")
"""Columns of the mart ``items`` that change while a model serves."""
_OF_LIVE: Final = {"titles": "title", "categories": "category", "brands": "brand", "prices": "price",
                   "available": "is_available", "listed": "is_listed"}  # fmt: skip
"""Columns, and what a live item calls each."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything the model can answer with, column by column; all columns have length N."""

    item_ids: list[str]
    titles: list[str | None]
    categories: list[str | None]
    brands: list[str | None]
    prices: NDArray[np.float64]
    """NaN where the price is unknown."""
    available: Mask
    """Which items can be bought now."""
    listed: Mask
    """Which items the shop still has in its catalogue, sold out or not."""
    positions: Mapping[str, int]
    num_known: int
    """How many the model knows; those behind them came after its training."""
    descriptions: Mapping[int, str] = field(default_factory=dict)
    """Texts of items that came after the training, by their place."""

    @classmethod
    def read(cls, path: Path) -> "Catalogue":
        """Read ``catalogue.parquet``."""
        # Neither read_table nor to_numpy: both import pandas where it is installed, and the Bento need not carry it.
        return cls.of(pq.ParquetFile(path).read())

    @classmethod
    def of(cls, table: pa.Table) -> "Catalogue":
        """Return the items of a table as ``catalogue.parquet`` has them."""
        item_ids = table["item_id"].to_pylist()
        return cls(
            item_ids=item_ids,
            titles=table["title"].to_pylist(),
            categories=table["category"].to_pylist(),
            brands=table["brand"].to_pylist(),
            prices=np.array(table["price"].to_pylist(), dtype=np.float64),
            available=np.array(table["is_available"].to_pylist(), dtype=np.bool_),
            listed=np.ones(len(item_ids), dtype=np.bool_),
            positions={item_id: position for position, item_id in enumerate(item_ids)},
            num_known=len(item_ids),
        )

    def with_items(self, items: pa.Table) -> "Catalogue":
        """Return the same items, in the same order, as a later mart ``items`` describes them.

        An item that the mart lacks, or does not list, was deleted: it is neither listed nor available. One that the
        model does not know is passed over.

        Args:
            items: with the columns :data:`ITEM_STATE`; marts of before there was an ``is_listed`` lack it.
        """
        rows = pc.index_in(pa.array(self.item_ids, pa.string()), value_set=items["item_id"].cast(pa.string()))
        columns = {name: items[name].take(rows).to_pylist() for name in ITEM_STATE if name in items.column_names}
        titles = zip(columns["title"], self.item_ids, strict=True)
        listed = np.array(rows.is_valid())
        if "is_listed" in columns:
            listed &= np.array([is_listed is not False for is_listed in columns["is_listed"]], dtype=np.bool_)
        return replace(
            self,
            titles=[title or item_id for title, item_id in titles],
            categories=columns["category"],
            brands=columns["brand"],
            prices=np.array(columns["price"], dtype=np.float64),
            available=np.array([bool(one) for one in columns["is_available"]], dtype=np.bool_) & listed,
            listed=listed,
        )

    def with_room(self, places: int) -> "Catalogue":
        """Return the catalogue with empty places behind its items: nothing that is listed, under no id."""
        nothing: list[None] = [None] * places
        return replace(
            self,
            item_ids=[*self.item_ids, *("" for _ in nothing)],
            titles=[*self.titles, *nothing],
            categories=[*self.categories, *nothing],
            brands=[*self.brands, *nothing],
            prices=np.concatenate([self.prices, np.full(places, np.nan)]),
            available=np.concatenate([self.available, np.zeros(places, np.bool_)]),
            listed=np.concatenate([self.listed, np.zeros(places, np.bool_)]),
        )

    def with_live(self, items: Mapping[int, LiveItem]) -> "Catalogue":
        """Return the catalogue with other descriptions at some places; a column that stays is the same object."""
        changed: dict[str, Any] = {}
        for column, name in _OF_LIVE.items():
            before = getattr(self, column)
            said = {place: getattr(item, name) for place, item in items.items()}
            if column == "titles":
                said = {place: title or items[place].item_id for place, title in said.items()}
            if column == "prices":
                said = {place: np.nan if price is None else price for place, price in said.items()}
            if any(before[place] != value for place, value in said.items()):
                after = before.copy()
                for place, value in said.items():
                    after[place] = value
                changed[column] = after
        new = {place: item for place, item in items.items() if self.item_ids[place] != item.item_id}
        if new:
            item_ids = self.item_ids.copy()
            for place, item in new.items():
                item_ids[place] = item.item_id
            changed["item_ids"] = item_ids
            changed["positions"] = {**self.positions, **{item.item_id: place for place, item in new.items()}}
        texts = {p: item.description for p, item in items.items() if p >= self.num_known and item.description}
        return replace(self, descriptions={**self.descriptions, **texts}, **changed)

    def __len__(self) -> int:
        return len(self.item_ids)

    def places_by_brand(self) -> dict[str, NDArray[np.int64]]:
        """Return the places of the items of each brand."""
        places: dict[str, list[int]] = {}
        for place, brand in enumerate(self.brands):
            if brand:
                places.setdefault(brand, []).append(place)
        return {brand: np.array(of_brand, dtype=np.int64) for brand, of_brand in places.items()}

    def index_of(self, item_id: str) -> int | None:
        """Return the item's place in the columns, or None."""
        return self.positions.get(item_id)
