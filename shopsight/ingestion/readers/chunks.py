"""What an importer hands over: some thousand rows in canonical columns, and where each one came from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

TableName = Literal["events", "items", "users", "inventory"]
DOUBTS: Final = {
    "local_time_skipped": "a local time that no clock showed, for clocks were put forward: read as an hour later",
    "local_time_shown_twice": "a local time that clocks showed twice, for they were put back: read as the later",
}
"""What is in doubt, and how it was read."""
COLLECTED: Final = "collected"
"""Format of what the collector took: canonical events, in the quarantine as objects of JSON."""
JUDGED: Final = ".judged"
"""End of the ``file_name`` of rows that the collector accepted: their ids are pseudonyms already."""
RawBytes = Callable[[NDArray[np.int64]], list[bytes]]


@dataclass(frozen=True, kw_only=True)
class BrokenRow:
    """A row that has no columns: its structure could not be read."""

    line: int
    raw: bytes
    reason: str
    further_reasons: tuple[str, ...] = ()
    """Of a row that was judged before, with the columns it had then."""


@dataclass(frozen=True, kw_only=True)
class RawChunk:
    """Consecutive rows of one file; the unit that is validated and written at a time, so it bounds the memory."""

    rows: pa.Table
    """Columns of the canonical schema, as text or typed; any of them may be absent."""
    lines: NDArray[np.int64]
    """Line (text) or row (Parquet) in the file of each row, from 1."""
    raw: RawBytes
    """Gives the original bytes of rows, by their index in ``rows``; called for the few that are quarantined."""
    table: TableName = "events"
    file_name: str = ""
    """Base name of the file."""
    broken: tuple[BrokenRow, ...] = ()
    arrived_when_happened: bool = False
    """Whether a missing arrival time is the event's own time: true of data sets of the past, in which otherwise
    nothing would have been known before the day of the import."""
    fraction: float = 0.0
    """Share of the source read so far, 0 to 1."""
    parts: NDArray[np.int64] | None = None
    """Place of each row in its line, from 0, where one line gives several rows; None where a line is a row."""
    refused: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Rows that the importer itself knows to be bad, beside what the rules find: a mask per reason."""
    header: bytes = b""
    """The line that says what the fields of :attr:`raw` are, where the file has one."""
    origins: pa.Table | None = None
    """Of a replay: the row of the quarantine that each row was. Bad rows stay there instead of going there again."""
    per_actor: tuple[str, ...] = ()
    """Columns whose ids are unique only within a person (``order_id``, ``session_id``, ``event_id``): the log puts the
    person's pseudonym before them, for an importer that did so would put the raw id there."""

    is_pseudonymous: bool = False
    """Whether ids of people are pseudonyms already, as of somebody whom the log knows."""

    left_out: NDArray[np.bool_] | None = None
    """Rows that the format leaves out by design, such as GA4's ``scroll``: quarantined, but no fault of the file."""

    doubts: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Rows that were read in one way of several: a mask for each of :data:`DOUBTS`, which says how."""

    duplicates: int = 0
    """Rows beside these that the source received and left out, for they repeat what it had handed over."""

    def __post_init__(self) -> None:
        if len(self.lines) != self.rows.num_rows:
            raise ValueError(f"{self.rows.num_rows} rows, but {len(self.lines)} line numbers")


@dataclass(frozen=True, kw_only=True)
class ImportProgress:
    """How far an import is."""

    rows: int
    """Event rows received so far."""
    fraction: float
    """Share of the source read so far, 0 to 1."""


ReportImport = Callable[[ImportProgress], None]


def ignore(progress: ImportProgress) -> None:
    """Report to nobody."""


def rows_as_json(rows: pa.Table) -> RawBytes:
    """Return a :attr:`RawChunk.raw` for sources without lines of text: each row as a JSON object."""

    def raw(indices: NDArray[np.int64]) -> list[bytes]:
        return [
            orjson.dumps(row, default=str, option=orjson.OPT_NAIVE_UTC)
            for row in rows.take(pa.array(indices)).to_pylist()
        ]

    return raw


def chunk_of_rows(
    rows: pa.Table, *, first_line: int, table: TableName = "events", file_name: str = "", fraction: float = 0.0
) -> RawChunk:
    """Wrap rows that come as columns (Parquet, the sample shop) rather than as lines of text."""
    return RawChunk(
        rows=rows,
        lines=np.arange(first_line, first_line + rows.num_rows, dtype=np.int64),
        raw=rows_as_json(rows),
        table=table,
        file_name=file_name,
        fraction=fraction,
    )
