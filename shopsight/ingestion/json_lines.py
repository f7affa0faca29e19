"""Reads JSON Lines in blocks; DuckDB takes the columns out of every line of a block at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.ingestion.chunks import BrokenRow, RawChunk
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.rest import merged
from shopsight.ingestion.source_files import open_source, unreadable

CHUNK_BYTES: Final = 16 * 1024 * 1024


def read_json_lines(path: Path, names: list[str], *, rest_into: str | None) -> Iterator[RawChunk]:
    """Yield the objects of a file, one per line, as text columns.

    Args:
        path: UTF-8 text.
        names: Keys that become columns.
        rest_into: The one of them that takes all other keys, as JSON; None leaves those out.

    Raises:
        SourceFileError: The file cannot be read, is empty, or its first line is no JSON.
    """
    size = path.stat().st_size if path.is_file() else 0
    if path.is_file() and not size:
        raise unreadable(path, why="it is empty", fix="export it again")
    line, position = 1, 0
    with open_source(path) as file, utc_connection() as connection:
        while lines := file.readlines(CHUNK_BYTES):
            position += sum(map(len, lines))
            if line == 1 and lines[0].startswith((b"\xff\xfe", b"\xfe\xff")):
                raise unreadable(path, why="it looks like UTF-16", fix="save it as text in UTF-8")
            if line == 1 and lines[0].lstrip().startswith(b"["):
                raise unreadable(path, why="it is one JSON array", fix="write one object per line (JSON Lines)")
            yield _chunk(connection, lines, names, rest_into, line, path.name, fraction=position / size)
            line += len(lines)


def _chunk(
    connection: duckdb.DuckDBPyConnection,
    lines: list[bytes],
    names: list[str],
    rest_into: str | None,
    first_line: int,
    file_name: str,
    *,
    fraction: float,
) -> RawChunk:
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
    rows, is_object = _columns(connection, texts, names, rest_into)
    at = np.array(numbers, dtype=np.int64)
    broken += [
        BrokenRow(line=int(at[i]), raw=texts[i].encode(), reason="not_a_json_object")
        for i in np.flatnonzero(~is_object)
    ]
    good = np.flatnonzero(is_object)

    def raw_text(indices: NDArray[np.int64]) -> list[bytes]:
        return [texts[good[i]].encode() for i in indices]

    return RawChunk(
        rows=rows, lines=at[good], raw=raw_text, file_name=file_name, broken=tuple(broken), fraction=fraction
    )


def _columns(
    connection: duckdb.DuckDBPyConnection, texts: list[str], names: list[str], rest_into: str | None
) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Return the columns of the lines that are objects, and which lines those are."""
    structure = json.dumps(dict.fromkeys(names, "VARCHAR"))
    without_names = json.dumps(dict.fromkeys(names))  # as a merge patch, nulls take keys out
    columns = [
        f'{merged(f"fields.{name}", "others")} AS "{name}"' if name == rest_into else f'fields."{name}"'
        for name in names
    ]
    connection.register("json_text", pa.table({"line": pa.array(texts, pa.string())}))
    is_object = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
    flags = connection.sql(f"SELECT {is_object} AS is_object FROM json_text").to_arrow_table()["is_object"]
    rows = connection.sql(f"""
        WITH objects AS (SELECT line FROM json_text WHERE {is_object}),
        taken AS (
            SELECT
                json_transform(line, '{structure}') AS fields,
                json_merge_patch(line::JSON, '{without_names}'::JSON) AS others
            FROM objects
        )
        SELECT {", ".join(columns)} FROM taken
    """).to_arrow_table()
    connection.unregister("json_text")
    return rows, flags.to_numpy(zero_copy_only=False).astype(bool)
