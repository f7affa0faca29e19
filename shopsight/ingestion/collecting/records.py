"""One record of the journal: what one group of requests brought, as bytes that prove themselves."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa

from shopsight.errors import ShopsightError
from shopsight.events import EVENT_SCHEMA

ACCEPTED_SCHEMA: Final = pa.schema(
    [
        *EVENT_SCHEMA,
        pa.field("event_hash", pa.uint64(), nullable=False),
        pa.field("content_hash", pa.uint64(), nullable=False),
    ]
)
"""An accepted event as the log will hold it, ids of people replaced, and by which a repetition of it is known."""
REFUSED_SCHEMA: Final = pa.schema(
    [pa.field("raw", pa.binary(), nullable=False), pa.field("reasons", pa.list_(pa.string()), nullable=False)]
)
"""An event that was not accepted, as it came, ids and all."""

MAGIC: Final = b"SSE1"
HEADER: Final = struct.Struct("<4sIIIII")
"""The mark, the CRC-32 of all that follows it, bytes of accepted, refused and items, and the number of duplicates."""


class DamagedSegmentError(ShopsightError):
    """A sealed segment of the journal is not what was written."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one group of requests brought."""

    accepted: pa.RecordBatch = field(
        default_factory=lambda: pa.RecordBatch.from_pylist([], schema=ACCEPTED_SCHEMA),
    )
    refused: pa.RecordBatch = field(default_factory=lambda: pa.RecordBatch.from_pylist([], schema=REFUSED_SCHEMA))
    items: tuple[bytes, ...] = ()
    """Rows of the catalogue: objects of JSON in the columns of items, and what was sent in the place of one."""
    duplicates: int = 0
    """Events that repeated what the journal holds: they are counted and not kept."""

    @property
    def size(self) -> int:
        """How much it holds: rows, and duplicates that were counted."""
        return int(self.accepted.num_rows + self.refused.num_rows) + len(self.items) + self.duplicates


def encode(record: Record) -> bytes:
    """Return a record as bytes."""
    accepted, refused = (
        batch.serialize().to_pybytes() if batch.num_rows else b"" for batch in (record.accepted, record.refused)
    )
    items = b"\n".join(record.items)
    sizes = HEADER.pack(MAGIC, 0, len(accepted), len(refused), len(items), record.duplicates)[8:]
    body = sizes + accepted + refused + items
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


def decode(data: memoryview, start: int = 0) -> tuple[Record, int] | None:
    """Return the record that begins at a place, and where the next one does; None where there is no whole one."""
    if len(data) - start < HEADER.size:
        return None
    magic, checksum, accepted, refused, items, duplicates = HEADER.unpack_from(data, start)
    body = start + HEADER.size
    after = body + accepted + refused
    end = after + items
    if magic != MAGIC or end > len(data) or zlib.crc32(data[start + 8 : end]) != checksum:
        return None
    record = Record(
        accepted=_batch(data[body : body + accepted], ACCEPTED_SCHEMA),
        refused=_batch(data[body + accepted : after], REFUSED_SCHEMA),
        items=tuple(bytes(data[after:end]).split(b"\n")) if items else (),
        duplicates=duplicates,
    )
    return record, end


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a sealed segment.

    Raises:
        DamagedSegmentError: it has bytes that are no record.
    """
    data, place = memoryview(path.read_bytes()), 0
    while place < len(data):
        decoded = decode(data, place)
        if decoded is None:
            raise DamagedSegmentError(
                f"the segment {path} cannot be read from byte {place:,} of {len(data):,} on",
                why="what lies there does not have the checksum that it was written with",
                fix="restore the file from a copy; or cut it there (truncate), which gives up what follows",
            )
        record, place = decoded
        yield record


def whole_records(data: memoryview) -> int:
    """Return how many bytes at the beginning are whole records."""
    place = 0
    while (decoded := decode(data, place)) is not None:
        place = decoded[1]
    return place


def _batch(data: memoryview, schema: pa.Schema) -> pa.RecordBatch:
    return pa.ipc.read_record_batch(pa.py_buffer(data), schema) if len(data) else pa.RecordBatch.from_pylist([], schema)
