"""Rows that were not accepted, with their reasons and their original bytes: nothing is ever dropped."""

from collections import Counter
from pathlib import Path
from typing import Final

import pyarrow as pa

from shopsight.events import TIMESTAMP
from shopsight.ingestion.chunks import RawChunk
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.receipts import Delivery
from shopsight.ingestion.validation import Validated
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
    ]
)
"""``raw`` holds the row exactly as it came, ids and all: the file is readable by its owner only."""


def quarantine_rows(chunk: RawChunk, validated: Validated, delivery: Delivery) -> pa.Table:
    """Return the bad rows of a chunk, those without any structure included, in the order of the file."""
    lines = [broken.line for broken in chunk.broken] + chunk.lines[validated.bad].tolist()
    raws = [broken.raw for broken in chunk.broken] + chunk.raw(validated.bad)
    reasons = [[broken.reason] for broken in chunk.broken] + validated.reasons
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
        }
    )
    return table.cast(QUARANTINE_SCHEMA).sort_by("line")


def count_reasons(rows: pa.Table) -> Counter[str]:
    """Count rows per reason; a row with two reasons counts under both."""
    return Counter(reason for reasons in rows["reasons"].to_pylist() for reason in reasons)


def read_quarantine(settings: Settings, *, limit: int = 1_000) -> pa.Table:
    """Return quarantined rows, newest batch first, in :data:`QUARANTINE_SCHEMA`."""
    files = [str(path) for path in _files(settings)]
    if not files:
        return QUARANTINE_SCHEMA.empty_table()
    with utc_connection() as connection:
        rows = connection.sql(
            "SELECT * FROM read_parquet($files, hive_partitioning = false) ORDER BY batch_id DESC, line LIMIT $limit",
            params={"files": files, "limit": limit},
        ).to_arrow_table()
    return rows.cast(QUARANTINE_SCHEMA)


def _files(settings: Settings) -> list[Path]:
    return sorted(settings.event_log_dir.glob("arrival_date=*/batch=*/quarantine.parquet"))
