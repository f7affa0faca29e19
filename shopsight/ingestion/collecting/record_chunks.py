"""Records as the event log takes them."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from shopsight.events import EVENT_SCHEMA, ITEM_SCHEMA
from shopsight.ingestion.collecting.door import NO_OBJECT
from shopsight.ingestion.collecting.records import ACCEPTED_SCHEMA, Record
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.readers.chunks import JUDGED, BrokenRow, RawChunk, rows_as_json
from shopsight.ingestion.readers.json_lines import StandingObjects, keys_as_columns

ROWS_PER_CHUNK: Final = 50_000


def chunks_of(records: Sequence[Record], *, name: str) -> Iterator[RawChunk]:
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
    """Return objects of JSON as rows of the catalogue, which the landing judges, and what is no object as broken."""
    is_object = np.array([line.startswith("{") for line in lines])
    objects = [line for line in lines if line.startswith("{")]
    with utc_connection() as connection:
        rows = StandingObjects(connection, keys_as_columns(ITEM_SCHEMA.names, rest_into="attributes")).rows(objects)
    return RawChunk(
        rows=rows.drop_columns("row"),
        lines=np.flatnonzero(is_object) + 1,
        raw=lambda wanted: [objects[place].encode() for place in wanted],
        table="items",
        file_name=file_name,
        broken=tuple(
            BrokenRow(line=int(place) + 1, raw=lines[place].encode(), reason=NO_OBJECT)
            for place in np.flatnonzero(~is_object)
        ),
    )
