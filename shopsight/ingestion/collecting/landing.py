"""Lands the sealed segments of the collector's journal: each becomes one batch of the event log, once."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from shopsight.events import EVENT_SCHEMA, ITEM_SCHEMA
from shopsight.ingestion.collecting.door import SOURCE
from shopsight.ingestion.collecting.journal import forget, hashes_in, sealed_segments
from shopsight.ingestion.collecting.records import ACCEPTED_SCHEMA, Record, read_records
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.readers.chunks import (
    COLLECTED,
    JUDGED,
    BrokenRow,
    RawChunk,
    ReportImport,
    ignore,
    rows_as_json,
)
from shopsight.ingestion.readers.json_lines import StandingObjects, keys_as_columns
from shopsight.settings import Settings

ROWS_PER_CHUNK: Final = 50_000


def land_collected(settings: Settings, *, received_at: datetime, report: ReportImport = ignore) -> list[Receipt]:
    """Land what the collector has sealed, oldest first, and return the receipts.

    A batch has its segment's name: landing a segment that is in the log already changes nothing. Where a kill left a
    segment that has landed, it is found to be in the log, and goes.

    Args:
        settings: where the journal and the event log are.
        received_at: arrival of the batches.
        report: told after every chunk.

    Raises:
        DamagedSegmentError: a segment is not what was written; those before it have landed.
        EventLogBusyError: an import is running.
        DiskFullError: no room; the log is as before.
    """
    receipts = []
    for segment in sealed_segments(settings.collected_dir):
        records = list(read_records(segment))
        receipt = EventLog.open(settings).land(
            chunks_of(records, name=segment.stem),
            source_name=SOURCE,
            received_at=received_at,
            format_name=COLLECTED,
            batch_id=segment.stem,
            report=report,
        )
        forget(segment, hashes=hashes_in(iter(records)))
        receipts.append(receipt)
    return receipts


def chunks_of(records: list[Record], *, name: str) -> Iterator[RawChunk]:
    """Yield what some records hold as the event log takes it: items, then the refused events and the accepted ones.

    Args:
        records: of one segment.
        name: of the segment.
    """
    items = [line.decode() for record in records for line in record.items]
    if items:
        yield _items(items, file_name=name)
    refused = [row for record in records for row in record.refused.to_pylist()]
    broken = tuple(
        BrokenRow(line=line, raw=row["raw"], reason=row["reasons"][0], further_reasons=tuple(row["reasons"][1:]))
        for line, row in enumerate(refused, start=1)
    )
    yield RawChunk(
        rows=EVENT_SCHEMA.empty_table(),
        lines=np.empty(0, np.int64),
        raw=lambda _: [],
        file_name=name,
        broken=broken,
        duplicates=sum(record.duplicates for record in records),
    )
    accepted = pa.Table.from_batches([record.accepted for record in records], ACCEPTED_SCHEMA).select(
        EVENT_SCHEMA.names
    )
    for start in range(0, accepted.num_rows, ROWS_PER_CHUNK):
        rows = accepted.slice(start, ROWS_PER_CHUNK)
        yield RawChunk(
            rows=rows,
            lines=np.arange(start + 1, start + rows.num_rows + 1),
            raw=rows_as_json(rows),
            file_name=name + JUDGED,
            is_pseudonymous=True,
            fraction=(start + rows.num_rows) / accepted.num_rows,
        )


def _items(lines: list[str], *, file_name: str) -> RawChunk:
    """Return objects of JSON as rows of the catalogue, which the landing judges."""
    with utc_connection() as connection:
        rows = StandingObjects(connection, keys_as_columns(ITEM_SCHEMA.names, rest_into="attributes")).rows(lines)
    return RawChunk(
        rows=rows.drop_columns("row"),
        lines=np.arange(1, len(lines) + 1),
        raw=lambda wanted: [lines[place].encode() for place in wanted],
        table="items",
        file_name=file_name,
    )


def waiting_segments(settings: Settings) -> list[Path]:
    """Return the sealed segments that wait to be landed, oldest first."""
    return sealed_segments(settings.collected_dir)
