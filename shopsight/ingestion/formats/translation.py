"""Small steps that importers share: values by a table, and columns that one SQL statement makes of others."""

import re
from collections.abc import Mapping
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.ingestion.readers.chunks import RawChunk


def translated(values: pa.ChunkedArray, table: Mapping[str, str]) -> pa.ChunkedArray:
    """Replace the values that are in the table; others stay as they are, for validation to refuse by name."""
    places = pc.index_in(values, value_set=pa.array(list(table)))
    return pc.coalesce(pc.take(pa.array(list(table.values())), places), values)


def mapped(connection: duckdb.DuckDBPyConnection, chunk: RawChunk, query: str) -> RawChunk:
    """Return the chunk with the columns that a query over ``native`` makes of each row.

    Args:
        connection: any connection in UTC.
        chunk: rows in the source's own columns.
        query: a SELECT without filter or order: row ``i`` of its answer is row ``i`` of the chunk.
    """
    connection.register("native", _told_apart(chunk.rows, query))
    rows = connection.sql(query).to_arrow_table()
    connection.unregister("native")
    return replace(chunk, rows=rows)


def _told_apart(rows: pa.Table, query: str) -> pa.Table:
    """Return rows without the columns that DuckDB would take for another: names that differ only in capitals.

    Of such names the one stays that the query has.
    """
    if len({name.lower() for name in rows.column_names}) == rows.num_columns:
        return rows
    chosen: dict[str, str] = {}
    for name in sorted(rows.column_names, key=lambda name: re.search(rf"\b{re.escape(name)}\b", query) is None):
        chosen.setdefault(name.lower(), name)
    return rows.select(list(chosen.values()))


def one_of(column: str, table: Mapping[str, str]) -> str:
    """Return SQL that does what :func:`translated` does."""
    cases = " ".join(f"when '{old}' then '{new}'" for old, new in table.items())
    return f"case trim({column}) {cases} else {column} end"
