"""Reads a table in whatever file it comes: delimited text, Parquet, or one JSON object per line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.formats.canonical import read_parquet
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.delimited import read_delimited
from shopsight.ingestion.readers.json_lines import keys_as_columns, read_json_lines
from shopsight.ingestion.readers.source_files import open_source, plain_name, unreadable

LINES_LOOKED_AT: Final = 1_000
"""Lines of JSON whose keys become columns; a key that first comes later is not seen."""


def read_table(path: Path, *, required: tuple[str, ...] = ()) -> Iterator[RawChunk]:
    """Yield the rows of a file in its own columns: text, or typed where the file is Parquet.

    Args:
        path: ``.parquet``, ``.jsonl`` or ``.json`` by its name, else delimited text; text may be packed as ``.gz``.
        required: columns that it must have.

    Raises:
        SourceFileError: it cannot be read, or lacks a required column.
    """
    name = plain_name(path)
    if name.endswith(".parquet"):
        yield from read_parquet(path, required=required)
    elif name.endswith((".jsonl", ".json", ".ndjson")):
        yield from read_json_lines(path, keys_as_columns(_keys(path, required)))
    else:
        yield from read_delimited(path, required=required)


def _keys(path: Path, required: tuple[str, ...]) -> list[str]:
    keys = dict.fromkeys(required)
    with open_source(path) as file:
        for _, line in zip(range(LINES_LOOKED_AT), file, strict=False):
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(value, dict):
                keys |= dict.fromkeys(value)
    if not keys:
        raise unreadable(path, why="none of its first lines is a JSON object with keys", fix="write one per line")
    return list(keys)
