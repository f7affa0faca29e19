"""Reads delimited text in blocks, so that each row keeps its line and its bytes and a broken row harms no other.

Arrow parses the columns; what Arrow cannot say (where a row began, which bytes it was) comes from splitting the block
into records here. Both must count the same rows; where they do not, the block is parsed row by row.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from shopsight.ingestion.readers.backslashes import escapes_quotes, with_doubled_quotes, without_backslashes
from shopsight.ingestion.readers.chunks import BrokenRow, RawChunk
from shopsight.ingestion.readers.encodings import SAY_WHICH, LineCount
from shopsight.ingestion.readers.headers import Header, header_of_names, read_header
from shopsight.ingestion.readers.source_files import bytes_read, open_source, unreadable

BLOCK_BYTES: Final = 16 * 1024 * 1024
MAX_RECORD_BYTES: Final = 1024 * 1024
"""Bytes of the longest row, and so how far a quoted field may run on before it counts as never closed."""
LINES_PER_RECORD: Final = 200


@dataclass(frozen=True, kw_only=True)
class Records:
    """A block, split into rows: row ``i`` is ``block[starts[i]:ends[i]]`` and began on line ``lines[i]``."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]
    broken: list[BrokenRow]
    consumed: int
    """Bytes dealt with; the rest belongs to the next block."""
    lines_consumed: int


def read_delimited(
    path: Path,
    *,
    required: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    encoding: str | None = None,
    delimiter: str | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[RawChunk]:
    """Yield the rows of a file, every column as text under its name in the header.

    Args:
        path: text, packed or not.
        required: names that the header must have.
        names: columns of a file without a header.
        encoding: how the text is encoded; None finds out.
        delimiter: what parts the fields; None takes it from the first line: comma, semicolon, tab or bar.
        block_bytes: how much is read at a time.

    Raises:
        SourceFileError: the file cannot be read, is empty, has an encoding that nothing tells, or lacks a column.
    """
    size = path.stat().st_size if path.is_file() else 0
    encodings = LineCount()
    with open_source(path, encoding=encoding) as file:
        header = header_of_names(file, names, delimiter) if names else read_header(file, path, required, delimiter)
        line, rest = header.lines + 1, b""
        while True:
            fresh = file.read(block_bytes)
            block = rest + fresh
            if not block:
                return
            text = with_doubled_quotes(block) if escapes_quotes(block, header.delimiter) else block
            records = split_records(text, header, first_line=line, last=not fresh)
            if not records.lines_consumed and len(block) > block_bytes + MAX_RECORD_BYTES:
                raise unreadable(
                    path, why=f"line {line} is longer than a megabyte", fix="check that it is text with line breaks"
                )
            undecodable = [row for row in records.broken if row.reason == "not_utf8"]
            if undecodable:
                encodings.note(block[: records.consumed], [row.raw for row in undecodable])
            else:
                encodings.lines += records.lines_consumed
            if encodings.is_foreign:
                first = undecodable[0]
                raise unreadable(
                    path, why=f"from line {first.line} on it is not UTF-8: {first.raw[:60]!r}", fix=SAY_WHICH
                )
            chunk = _chunk(block, text, records, header, path.name, fraction=min(1.0, bytes_read(file) / size))
            if chunk.rows.num_rows or chunk.broken:
                yield chunk
            rest, line = block[records.consumed :], line + records.lines_consumed
            if not fresh:
                return


def split_records(block: bytes, header: Header, *, first_line: int, last: bool) -> Records:
    """Split a block into rows; lines that cannot be part of any row are set aside as broken.

    A quoted field may run over several lines, and what it holds is text even where it looks like a row. It counts as
    never closed, and only its own line as broken, where no later quote closes it as RFC 4180 has it: before a delimiter
    or the end of a line. One that is closed but runs on for too long is set aside with all its lines.
    """
    data = np.frombuffer(block, np.uint8)
    breaks = np.flatnonzero(data == ord("\n"))
    ends = np.append(breaks, len(block)) if last and not block.endswith(b"\n") else breaks
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    opens_record = np.ones(len(ends), dtype=bool)
    record_ends = ends.copy()
    broken: dict[int, str] = {}

    lines_consumed = len(ends)
    if b'"' in block:
        odd = _lines_with_odd_quotes(data, starts, ends)
        for i, j in _quoted_over_lines(block, starts, ends, odd, header):
            if i == odd[-1] and not last and len(block) - starts[i] <= MAX_RECORD_BYTES:
                lines_consumed = i
                break
            if j is not None:
                opens_record[i + 1 : j + 1] = False
                record_ends[i] = ends[j]
            if j is None or j - i > LINES_PER_RECORD:
                broken[i] = "unclosed_quote"
    for i in _undecodable_lines(block, data, starts, ends):
        broken.setdefault(i, "not_utf8")
    for i in _lines_with_nul(data, ends):
        broken.setdefault(i, "nul_byte")

    owner = np.maximum.accumulate(np.where(opens_record, np.arange(len(ends)), 0)) if len(ends) else ends
    bad_records: dict[int, str] = {}
    for i, reason in broken.items():
        bad_records.setdefault(int(owner[i]), reason)
    keep = opens_record.copy()
    keep[lines_consumed:] = False
    keep[_blank(data, starts, ends)] = False
    keep[list(bad_records)] = False
    index = np.flatnonzero(keep)
    return Records(
        starts=starts[index],
        ends=record_ends[index],
        lines=index + first_line,
        broken=[
            BrokenRow(line=first_line + i, raw=block[starts[i] : record_ends[i]].rstrip(b"\r"), reason=reason)
            for i, reason in sorted(bad_records.items())
            if i < lines_consumed
        ],
        consumed=int(ends[lines_consumed - 1]) + 1 if lines_consumed else 0,
        lines_consumed=lines_consumed,
    )


def _chunk(block: bytes, text: bytes, records: Records, header: Header, file_name: str, *, fraction: float) -> RawChunk:
    """Return the rows of a block, which ``text`` has as RFC 4180 would write it, byte for byte in the same place."""

    def raw(indices: NDArray[np.int64]) -> list[bytes]:
        return _raw_of(block, records, original[indices])

    rows, original, malformed = _parse(text, records, header)
    rows = without_backslashes(rows, block, escaped=text is not block)
    broken = [
        BrokenRow(line=int(records.lines[i]), raw=record, reason="wrong_number_of_fields")
        for i, record in zip(malformed, _raw_of(block, records, malformed), strict=True)
    ]
    return RawChunk(
        rows=rows.drop_columns(list(header.nameless)) if header.nameless else rows,
        lines=records.lines[original],
        raw=raw,
        file_name=file_name,
        header=header.raw,
        broken=(*records.broken, *broken),
        fraction=fraction,
    )


def _raw_of(block: bytes, records: Records, indices: NDArray[np.int64]) -> list[bytes]:
    """Return the bytes of some records, without their line breaks."""
    return [block[records.starts[i] : records.ends[i]].rstrip(b"\r") for i in indices]


def _parse(block: bytes, records: Records, header: Header) -> tuple[pa.Table, NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows, the record each of them is, and the records that have too few or too many fields."""
    count = len(records.starts)
    malformed: list[int] = []

    def skip(row: Any) -> str:
        malformed.append(row.number - 1)
        return "skip"

    if not count:
        return pa.table({name: pa.array([], pa.string()) for name in header.names}), records.lines, records.lines
    text = _text_of(block, records)
    rows = pa_csv.read_csv(
        pa.BufferReader(text),
        read_options=pa_csv.ReadOptions(column_names=header.names, use_threads=False, block_size=len(text) + 1),
        parse_options=pa_csv.ParseOptions(
            delimiter=header.delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(header.names, pa.string()), check_utf8=False, strings_can_be_null=False
        ),
    )
    if rows.num_rows + len(malformed) != count:
        return _parse_one_by_one(block, records, header)
    good = np.ones(count, dtype=bool)
    good[malformed] = False
    return rows, np.flatnonzero(good), np.flatnonzero(~good)


def _text_of(block: bytes, records: Records) -> bytes | memoryview:
    """Return the bytes of all records, copied only where something between them is left out."""
    starts, ends = records.starts, records.ends
    if np.array_equal(starts[1:], ends[:-1] + 1):
        return memoryview(block)[int(starts[0]) : int(ends[-1]) + 1]
    return b"".join(block[s : e + 1] for s, e in zip(starts, ends, strict=True))


def _parse_one_by_one(
    block: bytes, records: Records, header: Header
) -> tuple[pa.Table, NDArray[np.int64], NDArray[np.int64]]:
    good: list[list[str]] = []
    original: list[int] = []
    for i, record in enumerate(_raw_of(block, records, np.arange(len(records.starts)))):
        fields = _split(record, header)
        if len(fields) == len(header.names):
            good.append(fields)
            original.append(i)
    columns = zip(*good, strict=True) if good else [()] * len(header.names)
    rows = pa.table({name: pa.array(c, pa.string()) for name, c in zip(header.names, columns, strict=True)})
    malformed = np.setdiff1d(np.arange(len(records.starts)), original)
    return rows, np.array(original, dtype=np.int64), malformed


def _split(record: bytes, header: Header) -> list[str]:
    try:
        rows = list(csv.reader([record.decode()], delimiter=header.delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError):
        return []
    return rows[0] if len(rows) == 1 else []


def _fields(record: bytes, header: Header) -> int:
    return len(_split(record.rstrip(b"\r"), header))


def _quoted_over_lines(
    block: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], odd: NDArray[np.int64], header: Header
) -> Iterator[tuple[int, int | None]]:
    """Yield the lines that open a quoted field and the line that closes it, None where no line does.

    Only lines with an odd number of quotes, which are ``odd``, open or close one.
    """
    k = 0
    while k < len(odd):
        i = int(odd[k])
        k += 1
        if _fields(block[starts[i] : ends[i]], header) == len(header.names):
            continue  # a quote in the middle of a field, as in: 5" screen
        j = int(odd[k]) if k < len(odd) else None
        is_closed = j is not None and _is_closed(block, starts, ends, i, j, header)
        k += is_closed
        # The last one may be closed in the next block; one before it that is not closed never is.
        yield i, j if is_closed else None


def _is_closed(
    block: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], i: int, j: int, header: Header
) -> bool:
    """Return whether the quote that line ``i`` opens is closed on line ``j``, whatever the number of fields then is."""
    return ends[j] - starts[i] <= MAX_RECORD_BYTES and _fields(block[starts[i] : ends[j]], header) > 0


def _lines_with_odd_quotes(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    quotes = np.flatnonzero(data == ord('"'))
    return np.flatnonzero((np.searchsorted(quotes, ends) - np.searchsorted(quotes, starts)) & 1)


def _lines_with_nul(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> list[int]:
    lines = np.unique(np.searchsorted(ends, np.flatnonzero(data == 0)))
    return [int(i) for i in lines if i < len(ends)]


def _undecodable_lines(
    block: bytes, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> list[int]:
    try:
        block[: int(ends[-1]) if len(ends) else 0].decode()
    except UnicodeDecodeError:
        suspects = np.unique(np.searchsorted(ends, np.flatnonzero(data >= 0x80)))
        return [int(i) for i in suspects if i < len(ends) and not _is_utf8(block[starts[i] : ends[i]])]
    return []


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _blank(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    lengths = ends - starts
    blank: NDArray[np.bool_] = lengths == 0
    single = np.flatnonzero(lengths == 1)
    blank[single] = data[starts[single]] == ord("\r")
    return blank
