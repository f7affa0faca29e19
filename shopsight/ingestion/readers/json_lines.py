"""Reads JSON Lines in blocks; DuckDB takes the columns out of every line of a block at once."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.ingestion.duck import StandingTable, utc_connection
from shopsight.ingestion.readers.chunks import BrokenRow, RawChunk
from shopsight.ingestion.readers.encodings import SAY_WHICH, LineCount
from shopsight.ingestion.readers.parquet import read_parquet
from shopsight.ingestion.readers.parts import Part, read_parts
from shopsight.ingestion.readers.rest import merged
from shopsight.ingestion.readers.source_files import bytes_read, kind_of, open_source, unreadable

CHUNK_BYTES: Final = 16 * 1024 * 1024
OBJECTS_PER_CHUNK: Final = 10_000
IS_OBJECT: Final = "case when json_valid(line) then json_type(line) = 'OBJECT' else false end"


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Lines that are text, and those that are not."""

    texts: list[str]
    numbers: NDArray[np.int64]
    broken: list[BrokenRow]


class StandingObjects:
    """A query of objects that stays prepared, for who reads a few of them at a time, and often."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, query: str) -> None:
        """Prepare a query, as :func:`read_json_lines` takes it, on a connection that registers nothing else later."""
        self._connection = connection
        self._objects = StandingTable(connection, "objects", pa.schema({"line": pa.string(), "row": pa.int64()}))
        connection.execute(f"prepare read_objects as {query}")

    def rows(self, texts: Sequence[str]) -> pa.Table:
        """Return what the query makes of objects, in their order, with ``row`` (and ``part``) of each."""
        self._objects.put(pa.table({"line": pa.array(texts, pa.string()), "row": np.arange(len(texts))}))
        return _in_order(self._connection.sql("execute read_objects").to_arrow_table())


def read_objects(path: Path, query: str, *, lists: tuple[str, ...] | None = None) -> Iterator[RawChunk]:
    """Yield rows that a query makes of objects in JSON Lines, in Parquet, or in a folder of either.

    Args:
        path: file or folder.
        query: as :func:`read_json_lines` takes it.
        lists: for formats that come as one JSON document too: keys under which it may keep its list of objects. Such a
            document is held in memory as a whole, and the line of an object is its place in the list.

    Raises:
        SourceFileError: a file cannot be read, is empty, or is neither.
    """

    def read(part: Part) -> Iterator[RawChunk]:
        if kind_of(part.path) == "parquet":
            return rows_as_objects(read_parquet(part.path), query)
        document = None if lists is None else _document(part.path, lists)
        return read_json_lines(part.path, query) if document is None else _read_document(part.path, document, query)

    return read_parts(path, read)


def rows_as_objects(chunks: Iterable[RawChunk], query: str) -> Iterator[RawChunk]:
    """Yield what a query makes of rows that came as columns, each written as an object first."""
    with utc_connection() as connection:
        for chunk in chunks:
            connection.register("typed", chunk.rows)
            texts = connection.sql("select to_json(typed)::varchar as line from typed").to_arrow_table()["line"]
            connection.unregister("typed")
            block = _Block(texts=texts.to_pylist(), numbers=chunk.lines, broken=list(chunk.broken))
            yield _chunk(connection, block, query, chunk.file_name, chunk.fraction)


def is_json(path: Path) -> bool:
    """Return whether a text file begins as JSON does."""
    with open_source(path) as file:
        return file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def has_header(path: Path, fields: tuple[str, ...]) -> bool:
    """Return whether the first line of a file has some of the names."""
    with open_source(path) as file:
        first = file.readline().decode(errors="replace").lower()
    return sum(name in first for name in fields[:6]) > 3


def read_tabbed(path: Path, fields: tuple[str, ...], query: str) -> Iterator[RawChunk]:
    """Yield what a query makes of lines whose fields lie between tabs, without header and without quotes.

    Args:
        path: text, packed or not.
        fields: the names of the fields.
        query: as :func:`read_json_lines` takes it; empty fields are null.
    """
    size, line = max(1, path.stat().st_size), 1
    with open_source(path) as file, utc_connection() as connection:
        while lines := file.readlines(CHUNK_BYTES):
            block = _sorted_out(lines, first_line=line)
            texts, numbers, broken = [], [], list(block.broken)
            for text, number in zip(block.texts, block.numbers.tolist(), strict=True):
                values = text.split("\t")
                if len(values) != len(fields):
                    broken.append(BrokenRow(line=number, raw=text.encode(), reason="wrong_number_of_fields"))
                    continue
                said = {name: value for name, value in zip(fields, values, strict=True) if value}
                texts.append(orjson.dumps(said).decode())
                numbers.append(number)
            objects = _Block(texts=texts, numbers=np.array(numbers, dtype=np.int64), broken=broken)
            yield _chunk(connection, objects, query, path.name, min(1.0, bytes_read(file) / size))
            line += len(lines)


def _document(path: Path, lists: tuple[str, ...]) -> list[object] | None:
    """Return the objects of a file that is one JSON document, or None where it has an object a line."""
    with open_source(path) as file:
        first = file.readline().removeprefix(b"\xef\xbb\xbf")
        while first and not first.strip():
            first = file.readline()
        if not first.lstrip().startswith(b"[") and _holds_list(first, lists) is False:
            return None
        text = first + file.read()
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not first.lstrip().startswith(b"["):
            return None  # lines, the first of which is broken: they are told one by one
        raise unreadable(path, why=f"it is not whole JSON ({error})", fix="export it again") from error
    if isinstance(document, dict):
        document = next((document[key] for key in lists if isinstance(document.get(key), list)), [document])
    return list(document)


def _holds_list(line: bytes, lists: tuple[str, ...]) -> bool | None:
    """Return whether a line is an object with one of the lists; None where it is no whole object."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return isinstance(value, dict) and any(isinstance(value.get(key), list) for key in lists)


def _read_document(path: Path, objects: list[object], query: str) -> Iterator[RawChunk]:
    with utc_connection() as connection:
        for start in range(0, len(objects), OBJECTS_PER_CHUNK):
            texts = [orjson.dumps(value).decode() for value in objects[start : start + OBJECTS_PER_CHUNK]]
            numbers = np.arange(start + 1, start + len(texts) + 1, dtype=np.int64)
            done = (start + len(texts)) / len(objects)
            yield _chunk(connection, _Block(texts=texts, numbers=numbers, broken=[]), query, path.name, done)


def read_json_lines(path: Path, query: str, *, encoding: str | None = None) -> Iterator[RawChunk]:
    """Yield rows that a query makes of the objects of a file, one per line.

    Args:
        path: text, packed or not.
        query: SQL over ``objects``: ``line``, an object as text, and ``row``, its place in the block. It returns
            columns, and ``row`` again; one line may give several rows, which then also have ``part``, their place in
            the line from 0. A line that gives none would be lost uncounted.
        encoding: how the text is encoded; None finds out.

    Raises:
        SourceFileError: the file cannot be read, is empty, has an encoding that nothing tells, or is no JSON Lines.
    """
    size = path.stat().st_size if path.is_file() else 0
    if path.is_file() and not size:
        raise unreadable(path, why="it is empty", fix="export it again")
    line, encodings = 1, LineCount()
    with open_source(path, encoding=encoding) as file, utc_connection() as connection:
        while lines := file.readlines(CHUNK_BYTES):
            if line == 1:
                _refuse_other_json(path, lines[0].removeprefix(b"\xef\xbb\xbf").strip())
            fraction = min(1.0, bytes_read(file) / size)
            block = _sorted_out(lines, first_line=line)
            undecodable = [row.raw for row in block.broken if row.reason == "not_utf8"]
            if undecodable:
                encodings.note(b"".join(lines), undecodable)
            else:
                encodings.lines += len(lines)
            if encodings.is_foreign:
                raise unreadable(path, why=f"it is not UTF-8: {undecodable[0][:60]!r}", fix=SAY_WHICH)
            yield _chunk(connection, block, query, path.name, fraction)
            line += len(lines)


def _refuse_other_json(path: Path, first: bytes) -> None:
    if first.startswith(b"["):
        raise unreadable(
            path, why="it is one JSON array", fix="write one object per line (JSON Lines): jq -c '.[]' FILE"
        )
    if first == b"{":
        raise unreadable(
            path, why="its objects run over several lines", fix="write one object per line (JSON Lines): jq -c . FILE"
        )


def keys_as_columns(names: list[str], *, rest_into: str | None = None) -> str:
    """Return a query that takes keys of the objects as text columns.

    Args:
        names: keys that become columns.
        rest_into: the one of them that takes all other keys, as JSON; None leaves those out.
    """
    structure = _literal(json.dumps(dict.fromkeys(names, "varchar")))
    without_names = _literal(json.dumps(dict.fromkeys(names)))  # as a merge patch, nulls take keys out
    columns = [
        f"{merged(f'fields.{_name(name)}', 'others')} as {_name(name)}"
        if name == rest_into
        else f"fields.{_name(name)}"
        for name in names
    ]
    others = f", json_merge_patch(line::JSON, {without_names}::JSON) as others" if rest_into else ""
    return f"""
        with taken as (select row, json_transform(line, {structure}) as fields{others} from objects)
        select row, {", ".join(columns)} from taken
    """


def _sorted_out(lines: list[bytes], *, first_line: int) -> _Block:
    if first_line == 1:
        lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
    broken: list[BrokenRow] = []
    texts: list[str] = []
    numbers: list[int] = []
    for number, raw in enumerate(lines, start=first_line):
        record = raw.rstrip(b"\r\n")
        try:
            text = record.decode()
        except UnicodeDecodeError:
            broken.append(BrokenRow(line=number, raw=record, reason="not_utf8"))
            continue
        if "\x00" in text:
            broken.append(BrokenRow(line=number, raw=record, reason="nul_byte"))
        elif text.strip():
            texts.append(text)
            numbers.append(number)
    return _Block(texts=texts, numbers=np.array(numbers, dtype=np.int64), broken=broken)


def _chunk(
    connection: duckdb.DuckDBPyConnection, block: _Block, query: str, file_name: str, fraction: float
) -> RawChunk:
    lines = pa.table({"line": pa.array(block.texts, pa.string()), "row": np.arange(len(block.texts))})
    connection.register("json_text", lines)
    connection.execute(f"create or replace temp table judged as select *, {IS_OBJECT} as is_object from json_text")
    connection.unregister("json_text")
    others = connection.sql("select row from judged where not is_object order by row").fetchnumpy()["row"]
    connection.execute("create or replace temp table objects as select line, row from judged where is_object")
    rows = _in_order(connection.sql(query).to_arrow_table())
    at = rows["row"].to_numpy()

    def raw(indices: NDArray[np.int64]) -> list[bytes]:
        return [block.texts[at[i]].encode() for i in indices]

    broken = [
        BrokenRow(line=int(block.numbers[i]), raw=block.texts[i].encode(), reason="not_a_json_object") for i in others
    ]
    return RawChunk(
        rows=rows.drop_columns([name for name in ("row", "part") if name in rows.column_names]),
        lines=block.numbers[at],
        parts=rows["part"].to_numpy() if "part" in rows.column_names else None,
        raw=raw,
        file_name=file_name,
        broken=(*block.broken, *broken),
        fraction=fraction,
    )


def _in_order(rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in ("row", "part") if name in rows.column_names])


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
