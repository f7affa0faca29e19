"""Takes values out of JSON in a column, and makes a row of each element of an array in it."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.columns import root_of
from shopsight.ingestion.readers.texts import as_text

EACH: Final = "[]"
"""Stands behind an array in a path: ``products[].price`` is the price of each product."""
ELEMENT: Final = "element"


def with_paths(connection: duckdb.DuckDBPyConnection, chunk: RawChunk, names: Sequence[str]) -> RawChunk:
    """Return a chunk that has a column for every name: its own, or text that a path leads to.

    Where a path has ``[]``, each element of the array is a row, in the array's order; a line whose array is empty,
    missing or no array stays one row. What is not there, or is in no JSON, is null.
    """
    paths = [name for name in names if name not in chunk.rows.column_names]
    each = next((name for name in paths if EACH in name), None)
    if each is not None:
        chunk = _exploded(connection, chunk, each[: each.index(EACH)])
    for path in paths:
        inside = EACH in path
        column = ELEMENT if inside else root_of(path, chunk.rows.column_names)
        steps = path[path.index(EACH) + len(EACH) :] if inside else path[len(column or path) :]
        values = _at(connection, chunk.rows, column, steps.lstrip("."))
        chunk = replace(chunk, rows=chunk.rows.append_column(path, values))
    return replace(chunk, rows=chunk.rows.drop_columns([ELEMENT])) if each is not None else chunk


def _at(connection: duckdb.DuckDBPyConnection, rows: pa.Table, column: str | None, steps: str) -> pa.ChunkedArray:
    """Return the text at the end of a path within a column of JSON."""
    if column is None:
        return pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    texts = as_text(connection, rows[column])
    if not steps:
        return texts
    return _selected(connection, texts, f"json_extract_string(value, {_json_path(steps)})")


def _exploded(connection: duckdb.DuckDBPyConnection, chunk: RawChunk, array: str) -> RawChunk:
    """Return a chunk with a row for each element of an array, which is in the column ``element``."""
    column = root_of(array, chunk.rows.column_names)
    texts = _at(connection, chunk.rows, column, array[len(column or array) :].lstrip("."))
    lists = _selected(connection, texts, "json_extract(value, '$[*]')::varchar[]").to_pylist()
    filled = [elements or [None] for elements in lists]
    counts = np.array([len(elements) for elements in filled], dtype=np.int64)
    origin = np.repeat(np.arange(len(filled)), counts)
    parts = np.arange(len(origin)) - np.repeat(np.cumsum(counts) - counts, counts)
    elements = pa.array(itertools.chain.from_iterable(filled), pa.string())
    rows = chunk.rows.take(pa.array(origin)).append_column(ELEMENT, elements)

    def raw(indices: NDArray[np.int64]) -> list[bytes]:
        return chunk.raw(origin[indices])

    return replace(chunk, rows=rows, lines=chunk.lines[origin], parts=parts, raw=raw)


def _selected(connection: duckdb.DuckDBPyConnection, texts: pa.ChunkedArray, expression: str) -> pa.ChunkedArray:
    """Return an expression over each text that is JSON, and null for the others."""
    connection.register("texts", pa.table({"value": texts}))
    query = f"select case when json_valid(value) then {expression} end as value from texts"
    values = connection.sql(query).to_arrow_table()["value"]
    connection.unregister("texts")
    return values


def _json_path(steps: str) -> str:
    keys = "".join(f'."{key}"' for key in re.split(r"\.", steps))
    return "'$" + keys.replace("'", "''") + "'"
