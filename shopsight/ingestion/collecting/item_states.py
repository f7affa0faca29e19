"""What the collector knows of each item: the warehouse's export, and what it was told since."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.live_items import LiveItem, LiveItems
from shopsight.marts import mart_file
from shopsight.whole_files import FileVersion, version_of

EXPORTED: Final = ("title", "description", "category", "brand", "price", "currency")
"""Columns of the mart ``items`` that are those of the catalogue."""


class ItemStates:
    """The newest description of every item; used by one thread."""

    def __init__(self, export: Path, live: LiveItems) -> None:
        """Make one.

        Args:
            export: the name of the mart ``items``, which need not be there.
            live: what was said since.
        """
        self._export = export
        self._live = live
        self._seen: tuple[FileVersion | None, FileVersion | None] | None = None
        self._said: Mapping[str, LiveItem] = {}
        self._rows: pa.Table | None = None
        self._places: dict[str, int] = {}

    def look(self) -> bool:
        """Take up what has changed; return whether the export has."""
        path = mart_file(self._export)
        seen = version_of(path), self._live.version()
        before = self._seen or (None, None)
        if seen[1] != before[1]:
            self._said = self._live.read()
        is_other = seen[0] != before[0]
        if is_other:
            self._rows = None if seen[0] is None else _read(path)
            ids = [] if self._rows is None else self._rows["item_id"].to_pylist()
            self._places = {item_id: place for place, item_id in enumerate(ids)}
        self._seen = seen
        return is_other

    def of(self, item_id: str) -> LiveItem | None:
        """Return what holds of an item, or None where nothing was ever said of it."""
        exported, said = self.exported(item_id), self._said.get(item_id)
        if said is None or (exported is not None and not said.is_newer_than(exported.described_at)):
            return exported
        return said

    def exported(self, item_id: str) -> LiveItem | None:
        """Return what the export says of an item, or None where it has none of this id."""
        place = self._places.get(item_id)
        if place is None or self._rows is None:
            return None
        row = self._rows.slice(place, 1).to_pylist()[0]
        is_listed = row.get("is_listed", True)
        content: dict[str, Any] = {name: row[name] for name in EXPORTED if row[name] is not None}
        if content.get("title") == item_id:  # the mart's own, where no catalogue has one
            del content["title"]
        if "price" in content:
            content["price"] = f"{row['price']:.4f}"
        return LiveItem(
            item_id=item_id,
            described_at=row.get("described_at"),
            title=content.get("title"),
            description=content.get("description"),
            category=content.get("category"),
            brand=content.get("brand"),
            price=row["price"],
            is_available=row["is_available"],
            is_listed=is_listed,
            row=content | {"availability": "in_stock" if row["is_available"] else "out_of_stock"},
        )

    def is_taken_up(self, item: LiveItem) -> bool:
        """Return whether the export knows as much of an item, or more."""
        exported = self.exported(item.item_id)
        return exported is not None and not item.is_newer_than(exported.described_at)


def _read(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        names = set(file.schema_arrow.names)
        wanted = ("item_id", *EXPORTED, "is_available", "is_listed", "described_at")
        return file.read(columns=[name for name in wanted if name in names]).combine_chunks()
