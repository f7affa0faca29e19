"""What the collector knows of each item: the warehouse's export, what has landed since, and what it was told itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.clock import rfc3339
from shopsight.ingestion.collecting.gathering import GroupError
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.newest_items import newest_items
from shopsight.live_items import LiveItem, LiveItems
from shopsight.marts import mart_file
from shopsight.whole_files import FileVersion, version_of

EXPORTED: Final = ("title", "description", "category", "brand", "price", "currency")
"""Columns of the mart ``items`` that are those of the catalogue."""
UNEXPORTED: Final = ("image_url", "attributes")
"""Columns of the catalogue that the mart has not."""
LANDED: Final = (*EXPORTED, "availability", *UNEXPORTED)
BUILD: Final = timedelta(days=1)
"""Longest time that a build takes: what landed so long before an export, or later, may not be in it."""


class ItemsUnreadableError(GroupError):
    """What the warehouse says of items cannot be read, so that a description could not be completed."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of items, and where each stands."""

    table: pa.Table
    places: Mapping[str, int]

    @classmethod
    def of(cls, table: pa.Table) -> "_Rows":
        ids = table["item_id"].to_pylist()
        return cls(table=table, places={item_id: place for place, item_id in enumerate(ids)})

    def row(self, item_id: str) -> dict[str, Any] | None:
        place = self.places.get(item_id)
        row: dict[str, Any] | None = None if place is None else self.table.slice(place, 1).to_pylist()[0]
        return row


class ItemStates:
    """The newest description of every item; used by one thread."""

    def __init__(self, export: Path, event_log: Path, live: LiveItems) -> None:
        """Make one.

        Args:
            export: the name of the mart ``items``, which need not be there.
            event_log: the folder of the log, which need not be there.
            live: what was said since.
        """
        self._export_path = export
        self._event_log = event_log
        self._live = live
        self._seen: FileVersion | None = None
        self._live_seen: FileVersion | None = None
        self._said: Mapping[str, LiveItem] = {}
        self._export: _Rows | None = None
        self._unexported: _Rows | None = None
        self._landed: dict[Path, _Rows] = {}

    def look(self) -> bool:
        """Take up what has changed; return whether the export has.

        Raises:
            ItemsUnreadableError: the export, the log or the file of live items cannot be read.
        """
        try:
            if (seen := self._live.version()) != self._live_seen:
                self._said, self._live_seen = self._live.read(), seen
            path = mart_file(self._export_path)
            export = version_of(path)
            if is_other := export != self._seen:
                self._export = None if export is None else _Rows.of(_exported_rows(path))
                self._unexported = None if export is None else _unexported(self._event_log)
                self._seen = export
            self._look_at_log(None if export is None else datetime.fromtimestamp(export[2] / 1e9, UTC) - BUILD)
        except (OSError, ValueError, KeyError, pa.ArrowException, duckdb.Error) as error:
            raise ItemsUnreadableError(f"what is known of the items cannot be read: {error}") from error
        return is_other

    def of(self, item_id: str) -> LiveItem | None:
        """Return what holds of an item, or None where nothing was ever said of it."""
        newest = self.exported(item_id)
        for other in (*self._in_log(item_id), self._said.get(item_id)):
            if other is not None and (newest is None or other.is_newer_than(newest.described_at)):
                newest = other
        return newest

    def exported(self, item_id: str) -> LiveItem | None:
        """Return what the export says of an item, or None where it has none of this id."""
        row = self._export.row(item_id) if self._export is not None else None
        if row is None:
            return None
        content: dict[str, Any] = {name: row[name] for name in EXPORTED if row[name] is not None}
        if content.get("title") == item_id:  # the mart's own, where no catalogue has one
            del content["title"]
        if "price" in content:
            content["price"] = f"{row['price']:.4f}"
        content |= self._beside(item_id)
        return LiveItem(
            item_id=item_id,
            described_at=row.get("described_at"),
            title=content.get("title"),
            description=content.get("description"),
            category=content.get("category"),
            brand=content.get("brand"),
            price=row["price"],
            is_available=row["is_available"],
            is_listed=row.get("is_listed", True),
            row=content | {"availability": "in_stock" if row["is_available"] else "out_of_stock"},
        )

    def is_taken_up(self, item: LiveItem) -> bool:
        """Return whether the export knows as much of an item, or more."""
        exported = self.exported(item.item_id)
        return exported is not None and not item.is_newer_than(exported.described_at)

    def _beside(self, item_id: str) -> dict[str, Any]:
        """Return what the log says of an item that the mart has no column for: a price alone must not empty it."""
        row = self._unexported.row(item_id) if self._unexported is not None else None
        said = {name: row[name] for name in UNEXPORTED if row[name] is not None} if row is not None else {}
        if "attributes" in said:
            said["attributes"] = orjson.loads(said["attributes"])
        return said

    def _look_at_log(self, since: datetime | None) -> None:
        """Read the items of batches that may have landed after the export was built."""
        first = "" if since is None else f"arrival_date={since:%Y-%m-%d}"
        days = [day for day in self._event_log.glob("arrival_date=*") if day.name >= first]
        batches = {batch / "items.parquet" for day in days for batch in day.glob("batch=*")}
        for gone in self._landed.keys() - batches:
            del self._landed[gone]
        for path in sorted(batches - self._landed.keys()):
            with pq.ParquetFile(path) as file:
                self._landed[path] = _Rows.of(file.read().sort_by([("valid_from", "ascending")]))

    def _in_log(self, item_id: str) -> Iterator[LiveItem]:
        for rows in self._landed.values():
            if (row := rows.row(item_id)) is not None:
                yield _landed_item(row)


def _exported_rows(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        names = set(file.schema_arrow.names)
        wanted = ("item_id", *EXPORTED, "is_available", "is_listed", "described_at")
        return file.read(columns=[name for name in wanted if name in names]).combine_chunks()


def _unexported(event_log: Path) -> _Rows | None:
    """Return what the newest row of each item in the log says beside the mart's columns; None without such a row."""
    newest = newest_items(event_log, UNEXPORTED)
    if newest is None:
        return None
    with utc_connection() as connection:
        said = connection.sql(f"select * from ({newest}) where coalesce({', '.join(UNEXPORTED)}) is not null")
        return _Rows.of(said.to_arrow_table().combine_chunks())


def _landed_item(row: Mapping[str, Any]) -> LiveItem:
    """Return an item of the log; without a moment of its own it holds from its arrival."""
    content = {name: row[name] for name in LANDED if row[name] is not None}
    if "price" in content:
        content["price"] = str(content["price"])
    if "attributes" in content:
        content["attributes"] = orjson.loads(content["attributes"])
    times = {"valid_from": row["valid_from"] or row["created_timestamp"], "valid_to": row["valid_to"]}
    named = {name: rfc3339(moment) for name, moment in times.items() if moment is not None}
    return LiveItem.of_row({"item_id": row["item_id"]} | content | named)
