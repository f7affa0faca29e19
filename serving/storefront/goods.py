"""What the shop shows of its items: the warehouse's export, and what was said of them since."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq
from typing_extensions import TypedDict

from shopsight.live_items import LiveItem

SEPARATOR: Final = " > "
MAX_DEPARTMENTS: Final = 10


class Good(TypedDict):
    """One item, as its page shows it."""

    item_id: str
    title: str
    description: str | None
    category: str | None
    brand: str | None
    price: float | None
    currency: str | None
    in_stock: bool


Goods = Mapping[str, Good]
"""By id, without what was deleted."""


def read_goods(export: Path | None) -> Goods:
    """Read the exported mart ``items``; without one the shop is empty."""
    if export is None:
        return {}
    columns = ("item_id", "title", "description", "category", "brand", "price", "currency", "is_available")
    with pq.ParquetFile(export) as file:
        listed = [name for name in ("is_listed",) if name in file.schema_arrow.names]
        rows = file.read(columns=[*columns, *listed]).to_pylist()
    return {
        row["item_id"]: Good(
            item_id=row["item_id"],
            title=row["title"],
            description=row["description"],
            category=row["category"],
            brand=row["brand"],
            price=row["price"],
            currency=row["currency"],
            in_stock=row["is_available"],
        )
        for row in rows
        if row.get("is_listed") is not False
    }


def with_live(goods: Goods, said: Mapping[str, LiveItem]) -> Goods:
    """Return goods with what was said since."""
    changed = {
        item_id: Good(
            item_id=item_id,
            title=item.title or item_id,
            description=item.description,
            category=item.category,
            brand=item.brand,
            price=item.price,
            currency=item.row.get("currency"),
            in_stock=item.is_available,
        )
        for item_id, item in said.items()
        if item.is_listed
    }
    return {item_id: good for item_id, good in goods.items() if item_id not in said} | changed


def departments(goods: Goods) -> list[str]:
    """Return the categories at the top, those of the most items first."""
    tops = Counter(good["category"].split(SEPARATOR)[0] for good in goods.values() if good["category"])
    return [name for name, _ in sorted(tops.items(), key=lambda one: (-one[1], one[0]))[:MAX_DEPARTMENTS]]
