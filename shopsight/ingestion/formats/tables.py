"""Reads a table in whatever file it comes: delimited text, Parquet, Excel, one JSON object per line, or a folder."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.columns import lacks, missing_columns
from shopsight.ingestion.readers.delimited import read_delimited
from shopsight.ingestion.readers.excel import read_excel
from shopsight.ingestion.readers.json_lines import keys_as_columns, read_json_lines
from shopsight.ingestion.readers.parquet import read_parquet
from shopsight.ingestion.readers.parts import Part, read_parts
from shopsight.ingestion.readers.source_files import kind_of, open_source, plain_name, unreadable
from shopsight.ingestion.readers.texts import with_text_columns

LINES_LOOKED_AT: Final = 1_000
"""Lines of JSON whose keys become columns; a key that first comes later is not seen."""


def read_table(
    path: Path,
    *,
    required: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    encoding: str | None = None,
    delimiter: str | None = None,
    keys_in_every_file: bool = False,
) -> Iterator[RawChunk]:
    """Yield the rows of a file or of a folder of parts in its own columns: text, or typed where it is Parquet.

    Args:
        path: Parquet or Excel by its bytes, ``.jsonl``, ``.ndjson`` or ``.json`` by its name, else delimited text.
        required: columns that it must have.
        names: columns of delimited text without a header.
        encoding: how its text is encoded; None finds out.
        delimiter: what parts the fields of delimited text; None finds out.
        keys_in_every_file: whether JSON Lines lack a column that is no line's key: read on, it would just be empty.

    Raises:
        SourceFileError: it cannot be read, or lacks a required column.
    """

    def read(part: Part) -> Iterator[RawChunk]:
        kind = kind_of(part.path)
        in_file = tuple(missing_columns(required, list(part.values)))
        if kind == "parquet":
            return read_parquet(part.path, required=required, in_path=tuple(part.values))
        if kind == "excel":
            return read_excel(part.path, required=in_file)
        if plain_name(part.path).endswith((".jsonl", ".json", ".ndjson")):
            keys = _keys(part.path, in_file, encoding, in_every_file=keys_in_every_file)
            query = keys_as_columns(keys)
            return read_json_lines(part.path, query, encoding=encoding)
        return read_delimited(part.path, required=in_file, names=names, encoding=encoding, delimiter=delimiter)

    return read_parts(path, read)


def read_text_table(path: Path, *, required: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> Iterator[RawChunk]:
    """Yield the same with every column as text, for formats that were first met as CSV.

    The types of a column follow what is in it, so the same format comes with others.
    """
    with utc_connection() as connection:
        for chunk in read_table(path, required=required, names=names):
            rows = with_text_columns(connection, chunk.rows)
            yield replace(chunk, rows=_named(path, rows, names) if names else rows)


def _named(path: Path, rows: pa.Table, names: tuple[str, ...]) -> pa.Table:
    """Return rows of a format without a header under its names, where another kind of file gave them others."""
    if set(names) <= set(rows.column_names):
        return rows.select(list(names))
    if rows.column_names == [str(i) for i in range(len(names))]:  # as pandas names them
        return rows.rename_columns(list(names))
    raise unreadable(
        path,
        why=f"its columns are {', '.join(rows.column_names)}",
        fix=f"name them {', '.join(names)}, or import the file as mapped",
    )


def _keys(path: Path, required: tuple[str, ...], encoding: str | None, *, in_every_file: bool) -> list[str]:
    """Return the keys of the first lines, or of as many as it takes to meet every required one.

    Raises:
        SourceFileError: no line has a required key, and ``in_every_file`` says that one should.
    """
    keys: dict[str, None] = {}
    with open_source(path, encoding=encoding) as file:
        for number, line in enumerate(file):
            if number >= LINES_LOOKED_AT and not missing_columns(required, list(keys)):
                break
            try:
                value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError:
                continue
            if isinstance(value, dict):
                keys |= dict.fromkeys(value)
    if not keys:
        raise unreadable(path, why="none of its first lines is a JSON object with keys", fix="write one per line")
    missing = missing_columns(required, list(keys))
    if missing and in_every_file:
        raise lacks(path, missing, list(keys), place="no line of it")
    return [*keys, *missing]
