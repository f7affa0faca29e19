"""Writes a batch out of sight and puts it in place by one rename, so that a batch lands whole or not at all."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shopsight.events import EVENT_SCHEMA, INVENTORY_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.deduplication import find_repeats
from shopsight.ingestion.log.quarantine import QUARANTINE_SCHEMA, REPLAYED_SCHEMA

ROWS_PER_PART: Final = 1_000_000
INVENTORY_FILE: Final = "inventory.parquet"
"""Of a batch that brings counts of the stock; the others have none."""
STATISTICS: Final = ("event_timestamp", "created_timestamp", "event_name", "source", "item_id", "user_id")
"""Columns whose extremes are kept per row group, for readers to skip groups by."""


class StagedBatch:
    """A batch in the making, in ``event_log/.staging/<batch_id>``; nobody reads it before :meth:`publish`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "events").mkdir(parents=True)
        self._events = _Parts(folder / "events")
        self._items = _Writer(folder / "items.parquet", ITEM_SCHEMA)
        self._users = _Writer(folder / "users.parquet", USER_SCHEMA)
        self._quarantine = _Writer(folder / "quarantine.parquet", QUARANTINE_SCHEMA)
        self._inventory: _Writer | None = None
        self._replayed: _Writer | None = None

    def write(self, table_name: str, rows: pa.Table) -> None:
        """Append rows to ``events``, ``items``, ``users``, ``inventory`` or ``quarantine``."""
        if table_name == "inventory":
            # Most batches bring no counts, and those of older logs have no such file: readers do without it.
            if self._inventory is None:
                self._inventory = _Writer(self.folder / INVENTORY_FILE, INVENTORY_SCHEMA)
            self._inventory.write(rows)
            return
        writers = {"items": self._items, "users": self._users, "quarantine": self._quarantine}
        (self._events if table_name == "events" else writers[table_name]).write(rows)

    def write_replayed(self, origins: pa.Table) -> None:
        """Note rows of the quarantine that leave it with this batch."""
        if self._replayed is None:
            self._replayed = _Writer(self.folder / "replayed.parquet", REPLAYED_SCHEMA)
        self._replayed.write(origins)

    def close(self) -> None:
        """Finish all files; no row can be added after."""
        for writer in self._writers():
            writer.close()
        (self.folder / "quarantine.parquet").chmod(0o600)

    def abandon(self) -> None:
        """Close what is open and delete the folder, whatever state it is in."""
        for writer in self._writers():
            writer.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _writers(self) -> "list[_Parts | _Writer]":
        always: list[_Parts | _Writer] = [self._events, self._items, self._users, self._quarantine]
        return [*always, *(one for one in (self._inventory, self._replayed) if one is not None)]

    def event_files(self) -> list[Path]:
        """Return the event parts, in order."""
        return sorted((self.folder / "events").glob("part-*.parquet"))

    def drop_known(self, log: Sequence[Path]) -> tuple[int, int]:
        """Take out rows that say what is known, and versions of an event that are not its newest in this batch.

        Args:
            log: event files of the log that may hold the same events.

        Returns:
            How many rows were duplicates, and how many said something else of an event that was known.
        """
        spill = self.folder / ".spill"
        duplicates = corrected = 0
        with utc_connection(spill, threads=os.cpu_count() or 1) as connection:
            for repeats in find_repeats(connection, self.event_files(), log):
                if len(repeats.dropped):
                    _rewrite_without(repeats.path, repeats.dropped)
                duplicates += repeats.duplicates
                corrected += repeats.corrected
        shutil.rmtree(spill, ignore_errors=True)
        return duplicates, corrected

    def summary(self) -> dict[str, Any]:
        """Return rows, first and last event (ISO 8601 or None), sources and number of items, read from the files."""
        files = [str(path) for path in self.event_files()]
        with utc_connection() as connection:
            connection.execute(
                "select count(*), min(event_timestamp), max(event_timestamp), list(distinct source order by source) "
                "from read_parquet($files, hive_partitioning = false)",
                {"files": files},
            )
            rows, first, last, sources = connection.fetchall()[0]
            connection.execute(
                "select count(distinct item_id) from read_parquet($file, hive_partitioning = false)",
                {"file": str(self.folder / "items.parquet")},
            )
            items = connection.fetchall()[0][0]
        return {
            "events": rows,
            "first_event_at": first and first.isoformat(),
            "last_event_at": last and last.isoformat(),
            "sources": sources or [],
            "items": items,
        }

    def publish(self, destination: Path, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, flush every byte to the disk, and rename the folder into the log."""
        with (self.folder / "manifest.json").open("w") as file:
            json.dump(manifest, file, indent=2)
        for path in sorted(self.folder.rglob("*"), reverse=True):
            flush_to_disk(path)
        flush_to_disk(self.folder)
        destination.parent.mkdir(exist_ok=True)
        flush_to_disk(destination.parent.parent)
        self.folder.rename(destination)
        flush_to_disk(destination.parent)


def flush_to_disk(path: Path) -> None:
    """Fsync a file, or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Writer:
    """One Parquet file that always exists, with zero rows if need be."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._file = path.open("wb")
        self._writer = pq.ParquetWriter(
            self._file,
            schema,
            compression="zstd",
            compression_level=1,
            # Ids of events are all different: looking for repetitions and extremes in them is a third of the writing.
            use_dictionary=[name for name in schema.names if name not in ("event_id", "raw")],
            write_statistics=[name for name in schema.names if name in STATISTICS],
        )
        self.rows = 0

    def write(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._writer.write_table(rows.cast(self._schema))
            self.rows += rows.num_rows

    def close(self) -> None:
        self._writer.close()
        self._file.close()

    def discard(self) -> None:
        """Close the file without caring for what it holds: on a full disk closing the writer fails again."""
        with open(os.devnull, "wb") as nowhere:
            if not self._file.closed:
                os.dup2(nowhere.fileno(), self._file.fileno())
                self.close()


class _Parts:
    """``part-00000.parquet`` and so on, each of about :data:`ROWS_PER_PART` rows; the first always exists."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._open()

    def _open(self) -> None:
        self._writer = _Writer(self._folder / f"part-{self._count:05d}.parquet", EVENT_SCHEMA)
        self._count += 1

    def write(self, rows: pa.Table) -> None:
        if self._writer.rows >= ROWS_PER_PART:
            self._writer.close()
            self._open()
        self._writer.write(rows)

    def close(self) -> None:
        self._writer.close()

    def discard(self) -> None:
        self._writer.discard()


def _rewrite_without(path: Path, rows: NDArray[np.int64]) -> None:
    """Copy a part without some of its rows, a row group at a time."""
    draft = path.with_suffix(".rewriting")
    offset = 0
    with pq.ParquetFile(path) as old:
        new = _Writer(draft, EVENT_SCHEMA)
        for group in range(old.num_row_groups):
            table = old.read_row_group(group)
            keep = ~np.isin(np.arange(offset, offset + table.num_rows), rows, assume_unique=True)
            new.write(table.filter(pa.array(keep)))
            offset += table.num_rows
        new.close()
    draft.replace(path)
