"""Rows that were not accepted, with their reasons and their original bytes: nothing is ever dropped."""

from collections import Counter
from typing import Final

import duckdb
import pyarrow as pa
from pyarrow.dataset import dataset

from shopsight.events import TIMESTAMP
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.receipts import Delivery
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.validation.validate import Validated
from shopsight.settings import Settings

QUARANTINE_SCHEMA: Final = pa.schema(
    [
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
        pa.field("received_at", TIMESTAMP, nullable=False),
        pa.field("part", pa.int64()),
        pa.field("header", pa.binary()),
    ]
)
"""``raw`` holds the row exactly as it came, ids and all: the file is readable by its owner only.

``part`` is the row's place in a line that holds several, ``header`` the line that names the fields of ``raw``.
"""
PLACE: Final = ["batch_id", "table_name", "file_name", "line", "part"]
"""Columns that name one row of the quarantine."""
REPLAYED_SCHEMA: Final = pa.schema([*(QUARANTINE_SCHEMA.field(name) for name in (*PLACE, "reasons"))])
"""``replayed.parquet`` of a batch: the rows of the quarantine that it has made good, which are no longer in it."""


def quarantine_rows(chunk: RawChunk, validated: Validated, delivery: Delivery) -> pa.Table:
    """Return the bad rows of a chunk, those without any structure included, in the order of the file."""
    lines = [broken.line for broken in chunk.broken] + chunk.lines[validated.bad].tolist()
    raws = [broken.raw for broken in chunk.broken] + chunk.raw(validated.bad)
    parts = [None] * len(chunk.broken) + (
        [None] * len(validated.bad) if chunk.parts is None else chunk.parts[validated.bad].tolist()
    )
    reasons = [[broken.reason, *broken.further_reasons] for broken in chunk.broken] + validated.reasons
    table = pa.table(
        {
            "batch_id": pa.repeat(delivery.batch_id, len(lines)),
            "table_name": pa.repeat(chunk.table, len(lines)),
            "source": pa.repeat(delivery.source_name, len(lines)),
            "file_name": pa.repeat(chunk.file_name, len(lines)),
            "line": pa.array(lines, pa.int64()),
            "reasons": pa.array(reasons, pa.list_(pa.string())),
            "raw": pa.array(raws, pa.binary()),
            "received_at": pa.array([delivery.received_at] * len(lines), TIMESTAMP),
            "part": pa.array(parts, pa.int64()),
            "header": pa.repeat(chunk.header, len(lines)).cast(pa.binary()),
        }
    )
    return table.cast(QUARANTINE_SCHEMA).sort_by("line")


def count_reasons(rows: pa.Table) -> Counter[str]:
    """Count rows per reason; a row with two reasons counts under both."""
    return Counter(reason for reasons in rows["reasons"].to_pylist() for reason in reasons)


def read_quarantine(
    settings: Settings, *, limit: int | None = 1_000, batch_id: str | None = None, reason: str | None = None
) -> pa.Table:
    """Return rows that are in quarantine, newest batch first, in :data:`QUARANTINE_SCHEMA`.

    The files are read in pieces: with a limit, memory holds that many rows and the places of what was replayed.

    Args:
        settings: where the event log is.
        limit: how many rows at most; None for all of them.
        batch_id: only rows of this batch.
        reason: only rows with this reason.
    """
    with utc_connection() as connection:
        rows, values = _in_quarantine(connection, settings, batch_id, reason)
        found = connection.sql(
            f"from ({rows}) order by batch_id desc, file_name, line, part "
            f"limit {limit if limit is not None else 'all'}",
            params=values,
        ).to_arrow_table()
    return found.cast(QUARANTINE_SCHEMA)


def count_quarantine(
    settings: Settings, *, batch_id: str | None = None, reason: str | None = None
) -> tuple[int, Counter[str]]:
    """Return how many rows are in quarantine, and how many of them per reason; see :func:`read_quarantine`."""
    with utc_connection() as connection:
        rows, values = _in_quarantine(connection, settings, batch_id, reason)
        counted = connection.execute(f"select reasons, count(*) from ({rows}) group by reasons", values).fetchall()
    reasons: Counter[str] = Counter()
    for names, count in counted:
        for name in names:
            reasons[name] += count
    return sum(count for _, count in counted), reasons


def _in_quarantine(
    connection: duckdb.DuckDBPyConnection, settings: Settings, batch_id: str | None, reason: str | None
) -> tuple[str, dict[str, str]]:
    """Return a query of the rows that no replay has made good, and its values."""
    # Read under the schema of today, for files of earlier versions have fewer columns.
    for name, file, schema in (
        ("rows", "quarantine.parquet", QUARANTINE_SCHEMA),
        ("gone", "replayed.parquet", REPLAYED_SCHEMA),
    ):
        files = _files(settings, file)
        connection.register(name, dataset(files, schema=schema, format="parquet") if files else schema.empty_table())
    places = " and ".join(f"gone.{name} is not distinct from rows.{name}" for name in PLACE)
    query = f"from rows where not exists (from gone where {places})"
    values = {}
    if batch_id is not None:
        query, values["batch_id"] = f"{query} and batch_id = $batch_id", batch_id
    if reason is not None:
        query, values["reason"] = f"{query} and list_contains(reasons, $reason)", reason
    return query, values


def _files(settings: Settings, name: str) -> list[str]:
    return sorted(str(path) for path in settings.event_log_dir.glob(f"arrival_date=*/batch=*/{name}"))
