"""Reads files that already speak the canonical names: CSV, Parquet and JSON Lines, with their companions.

Columns beyond the canonical ones are kept: they are gathered in ``properties`` (events) or ``attributes`` (items).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.readers.chunks import RawChunk, TableName
from shopsight.ingestion.readers.json_lines import keys_as_columns, read_objects
from shopsight.ingestion.readers.parts import parts_of
from shopsight.ingestion.readers.rest import gather_rest
from shopsight.ingestion.readers.source_files import plain_name, unreadable
from shopsight.ingestion.validation.validate import SCHEMAS

Encoding = Literal["csv", "parquet", "jsonl"]
ENCODINGS: Final[dict[str, Encoding]] = {
    "canonical_csv": "csv",
    "canonical_parquet": "parquet",
    "canonical_jsonl": "jsonl",
}
"""How the files of each canonical format are written."""

REQUIRED: Final[dict[TableName, tuple[str, ...]]] = {
    "events": ("event_name", "event_timestamp"),
    "items": ("item_id",),
    "users": ("user_id",),
    "inventory": ("item_id", "units_on_hand"),
}
REST: Final[dict[TableName, str | None]] = {
    "events": "properties",
    "items": "attributes",
    "users": None,
    "inventory": None,
}
"""Where columns beyond the canonical ones go; of users nothing else is kept, so that no name or address comes in."""
COMPANIONS: Final[tuple[TableName, ...]] = ("items", "users", "inventory")
"""Tables whose files end in their names and stand beside the events, in the order in which they are read."""


def read_canonical(path: Path, encoding: Encoding) -> Iterator[RawChunk]:
    """Yield the rows of a file, or of a folder with ``events``, ``items``, ``users`` and ``inventory`` files.

    Beside a file whose name ends in ``events``, companions of the same name that end in ``items``, ``users`` and
    ``inventory`` are read too; they come first.

    Raises:
        SourceFileError: a file cannot be read, or lacks a required column.
    """
    with utc_connection() as connection:
        for table, file in companions(path, encoding):
            for chunk in _read_file(file, encoding, table):
                rows = gather_rest(connection, chunk.rows, known=SCHEMAS[table].names, into=REST[table])
                yield replace(chunk, table=table, rows=with_small_names(rows) if table == "events" else rows)


EVENTS_AS_COLUMNS: Final = keys_as_columns(SCHEMAS["events"].names, rest_into=REST["events"])
"""What makes columns of events that are objects of JSON."""


def with_small_names(rows: pa.Table) -> pa.Table:
    """Write the names of events in small letters: ``View_Item`` is ``view_item``."""
    index = rows.schema.get_field_index("event_name")
    if index < 0 or not pa.types.is_string(rows["event_name"].type):
        return rows
    return rows.set_column(index, "event_name", pc.ascii_lower(rows["event_name"]))


def companions(path: Path, encoding: Encoding) -> list[tuple[TableName, Path]]:
    """Return the files that belong to a path, each with its table: companions before events."""
    if path.is_dir():
        files = _in_folder(path, "", encoding)
        parts = [part.path for part in parts_of(path)]
        if not files and not any(plain_name(part).endswith(f".{encoding}") for part in parts):
            *names, last = (f"{name}.{encoding}" for name in ("events", *COMPANIONS))
            raise unreadable(
                path,
                why=f"the folder holds no {', '.join(names)} or {last}, nor parts of one",
                fix="give a file, or name the files so",
            )
        return files or [(table_of(path), path)]
    table = table_of(path)
    if table != "events" or not path.stem.lower().endswith("events"):
        return [(table, path)]
    siblings = _in_folder(path.parent, path.stem[: -len("events")], encoding)
    return [(name, file) for name, file in siblings if name != "events"] + [("events", path)]


def table_of(path: Path) -> TableName:
    """Return what a file holds, by the end of its name: events unless it names a companion."""
    stem = Path(plain_name(path)).stem
    return next((name for name in COMPANIONS if stem.endswith(name)), "events")


def _in_folder(folder: Path, prefix: str, encoding: Encoding) -> list[tuple[TableName, Path]]:
    names: tuple[TableName, ...] = (*COMPANIONS, "events")
    files = [(name, folder / f"{prefix}{name}.{encoding}") for name in names]
    return [(name, file) for name, file in files if file.is_file()]


def _read_file(path: Path, encoding: Encoding, table: TableName) -> Iterator[RawChunk]:
    if encoding == "jsonl":
        yield from read_objects(path, keys_as_columns(SCHEMAS[table].names, rest_into=REST[table]))
    else:
        yield from _with_actor(path, table, read_table(path, required=REQUIRED[table]))


def _with_actor(path: Path, table: TableName, chunks: Iterator[RawChunk]) -> Iterator[RawChunk]:
    """Stop at a file of events in which no row can have an actor: its columns have other names."""
    for chunk in chunks:
        names = chunk.rows.column_names
        if table == "events" and "user_id" not in names and "anonymous_id" not in names:
            raise unreadable(
                path,
                why=f"it has neither a column user_id nor anonymous_id; it has: {', '.join(names)}",
                fix="name the column of the shopper (user_id) or of the visitor (anonymous_id) so",
            )
        yield chunk
