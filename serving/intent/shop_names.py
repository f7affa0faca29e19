"""What shoppers may call things: the names of the shop's categories, brands and items, as they are now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.intent.attributes import TextAttributes
from serving.intent.named_items import NamedItems
from shopsight.live_items import LiveItem


@dataclass(frozen=True, kw_only=True)
class ShopNames:
    """The names of one catalogue."""

    attributes: TextAttributes
    items: NamedItems
    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()

    @classmethod
    def of(cls, items: NamedItems, *, categories: frozenset[str], brands: frozenset[str]) -> "ShopNames":
        """Return the names of these items, categories and brands."""
        attributes = TextAttributes(categories=sorted(categories), brands=sorted(brands))
        return cls(attributes=attributes, items=items, categories=categories, brands=brands)

    @classmethod
    def read(cls, export: Path | None) -> "ShopNames":
        """Read the exported mart ``items``; without one only prices are found, and nothing is ever named."""
        if export is None:
            return cls.of(NamedItems(()), categories=frozenset(), brands=frozenset())
        with pq.ParquetFile(export) as file:
            listed = [name for name in ("is_listed",) if name in file.schema_arrow.names]
            table = file.read(columns=["item_id", "title", "category", "brand", *listed])
        if listed:
            table = table.filter(pc.fill_null(table["is_listed"], True))
        items = NamedItems(zip(table["item_id"].to_pylist(), table["title"].to_pylist(), strict=True))
        return cls.of(items, categories=_distinct(table["category"]), brands=_distinct(table["brand"]))

    def with_live(self, said: Mapping[str, LiveItem]) -> "ShopNames":
        """Return the names with what was said since; what was deleted is named no more."""
        titles = {item_id: item.title if item.is_listed else None for item_id, item in said.items()}
        items = self.items.with_titles(titles) if titles else self.items
        categories = self.categories | {item.category for item in said.values() if item.category}
        brands = self.brands | {item.brand for item in said.values() if item.brand}
        if (categories, brands) == (self.categories, self.brands):
            return replace(self, items=items)
        return ShopNames.of(items, categories=categories, brands=brands)


def _distinct(column: pa.ChunkedArray) -> frozenset[str]:
    return frozenset(column.unique().drop_null().to_pylist())
