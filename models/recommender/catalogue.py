"""The items that a trained recommender knows, in the order of all its arrays. Shapes: N items."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

ITEM_STATE: Final = ("title", "category", "brand", "price", "is_available")
"""Columns of the mart ``items`` that change while a model serves."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything the model can recommend, column by column; all columns have length N."""

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

    @classmethod
    def read(cls, path: Path) -> "Catalogue":
        """Read ``catalogue.parquet``."""
        # Neither read_table nor to_numpy: both import pandas where it is installed, and the Bento need not carry it.
        table = pq.ParquetFile(path).read()
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
        )

    def with_items(self, items: pa.Table) -> "Catalogue":
        """Return the same items, in the same order, as a later mart ``items`` describes them.

        An item that the mart lacks was deleted: it is neither listed nor available. One that the model does not know is
        passed over.
        """
        rows = pc.index_in(pa.array(self.item_ids, pa.string()), value_set=items["item_id"].cast(pa.string()))
        columns = {name: items[name].take(rows).to_pylist() for name in ITEM_STATE}
        titles = zip(columns["title"], self.item_ids, strict=True)
        return replace(
            self,
            titles=[title or item_id for title, item_id in titles],
            categories=columns["category"],
            brands=columns["brand"],
            prices=np.array(columns["price"], dtype=np.float64),
            available=np.array([bool(is_available) for is_available in columns["is_available"]], dtype=np.bool_),
            listed=np.array(rows.is_valid()),
        )

    def __len__(self) -> int:
        return len(self.item_ids)

    def index_of(self, item_id: str) -> int | None:
        """Return the item's place in the columns, or None."""
        return self.positions.get(item_id)
