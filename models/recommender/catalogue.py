"""The items that a trained recommender knows, in the order of all its arrays. Shapes: N items."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


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
            positions={item_id: position for position, item_id in enumerate(item_ids)},
        )

    def __len__(self) -> int:
        return len(self.item_ids)

    def index_of(self, item_id: str) -> int | None:
        """Return the item's place in the columns, or None."""
        return self.positions.get(item_id)
