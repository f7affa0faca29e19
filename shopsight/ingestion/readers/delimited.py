"""Reads delimited text in blocks, so that each row keeps its line and its bytes and a broken row harms no other.

Arrow parses the columns; what Arrow cannot say (where a row began, which bytes it was) comes from splitting the block
into records here. Both must count the same rows; where they do not, the block is parsed row by row.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from shopsight.ingestion.readers.chunks import BrokenRow, RawChunk
from shopsight.ingestion.readers.source_files import bytes_read, open_source, unreadable

BLOCK_BYTES: Final = 16 * 1024 * 1024
MAX_RECORD_BYTES: Final = 1024 * 1024
"""Bytes of the longest row, and so how far a quoted field may run on before it counts as never closed."""
LINES_PER_RECORD: Final = 200


@dataclass(frozen=True, kw_only=True)
class Header:
    """The first line of a file."""

    names: list[str]
    delimiter: str
    raw: bytes = b""
    """The line itself, without its break; empty where the file has none."""


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
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[RawChunk]:
    """Yield the rows of a file, every column as text under its name in the header.

    Args:
        path: text in UTF-8, gzip where the name ends in ``.gz``; the separator (comma, semicolon, tab) is taken from
            the header.
        required: names that the header must have.
        names: columns of a file without a header, whose separator is the comma.
        block_bytes: how much is read at a time.

    Raises:
        SourceFileError: the file cannot be read, is empty, is not UTF-8, or lacks a required column.
    """
    size = path.stat().st_size if path.is_file() else 0
    with open_source(path) as file:
        header = Header(names=list(names), delimiter=",") if names else _read_header(file, path, required)
        line, rest = 1 if names else 2, b""
        while True:
            fresh = file.read(block_bytes)
            block = rest + fresh
            if not block:
                return
            records = split_records(block, header, first_line=line, last=not fresh)
            if not records.lines_consumed and len(block) > block_bytes + MAX_RECORD_BYTES:
                raise unreadable(
                    path, why=f"line {line} is longer than a megabyte", fix="check that it is text with line breaks"
                )
            chunk = _chunk(block, records, header, path.name, fraction=min(1.0, bytes_read(file) / size))
            if chunk.rows.num_rows or chunk.broken:
                yield chunk
            rest, line = block[records.consumed :], line + records.lines_consumed
            if not fresh:
                return


def split_records(block: bytes, header: Header, *, first_line: int, last: bool) -> Records:
    """Split a block into rows; lines that cannot be part of any row are set aside as broken.

    A quoted field may run over several lines. It counts as never closed, and only its own line as broken, when the row
    it would make is not a whole row, is too long, or would swallow a line that is a whole row by itself.
    """
    data = np.frombuffer(block, np.uint8)
    breaks = np.flatnonzero(data == ord("\n"))
    ends = np.append(breaks, len(block)) if last and not block.endswith(b"\n") else breaks
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    opens_record = np.ones(len(ends), dtype=bool)
    record_ends = ends.copy()
    broken: dict[int, str] = {}
    lines_consumed = len(ends)

    odd = _lines_with_odd_quotes(data, starts, ends) if b'"' in block else np.empty(0, np.int64)
    k = 0
    while k < len(odd):
        i = int(odd[k])
        k += 1
        if _fields(block[starts[i] : ends[i]], header) == len(header.names):
            continue  # a quote in the middle of a field, as in: 5" screen
        j = int(odd[k]) if k < len(odd) else None
        if j is None and not last and len(ends) - i <= LINES_PER_RECORD and len(block) - starts[i] <= MAX_RECORD_BYTES:
            lines_consumed = i
            break
        if j is not None and _is_one_record(block, starts, ends, i, j, header):
            opens_record[i + 1 : j + 1] = False
            record_ends[i] = ends[j]
            k += 1
        else:
            broken[i] = "unclosed_quote"

    for i in _undecodable_lines(block, data, starts, ends):
        broken.setdefault(i, "not_utf8")
    if b"\x00" in block:
        for i in np.unique(np.searchsorted(ends, np.flatnonzero(data == 0))):
            if i < len(ends):
                broken.setdefault(int(i), "nul_byte")

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


def _read_header(file: BinaryIO, path: Path, required: tuple[str, ...]) -> Header:
    first = file.readline(MAX_RECORD_BYTES)
    if not first.strip():
        raise unreadable(path, why="it is empty", fix="export it again; a header line is needed even without rows")
    if b"\x00" in first or first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise unreadable(path, why="it looks like UTF-16 or a binary file", fix="save it as text in UTF-8")
    try:
        text = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise unreadable(path, why=f"its header is not UTF-8 ({error})", fix="save it in UTF-8") from error
    delimiter = max(",;\t", key=text.count)
    names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]
    missing = [name for name in required if name not in names]
    if missing:
        raise unreadable(
            path,
            why=f"its header has no column {', '.join(missing)}; it has: {', '.join(names)}",
            fix="rename or add the column, or import the file under the format it was written in",
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise unreadable(path, why=f"its header names {', '.join(repeated)} twice", fix="remove or rename one of them")
    return Header(names=names, delimiter=delimiter, raw=first.rstrip(b"\r\n"))


def _chunk(block: bytes, records: Records, header: Header, file_name: str, *, fraction: float) -> RawChunk:
    def raw(indices: NDArray[np.int64]) -> list[bytes]:
        return _raw_of(block, records, original[indices])

    rows, original, malformed = _parse(block, records, header)
    broken = [
        BrokenRow(line=int(records.lines[i]), raw=record, reason="wrong_number_of_fields")
        for i, record in zip(malformed, _raw_of(block, records, malformed), strict=True)
    ]
    return RawChunk(
        rows=rows,
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


def _is_one_record(
    block: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], i: int, j: int, header: Header
) -> bool:
    wanted = len(header.names)
    if j - i > LINES_PER_RECORD or ends[j] - starts[i] > MAX_RECORD_BYTES:
        return False
    if _fields(block[starts[i] : ends[j]], header) != wanted:
        return False
    return all(_fields(block[starts[k] : ends[k]], header) != wanted for k in range(i + 1, j))


def _lines_with_odd_quotes(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    quotes = np.flatnonzero(data == ord('"'))
    return np.flatnonzero((np.searchsorted(quotes, ends) - np.searchsorted(quotes, starts)) & 1)


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
