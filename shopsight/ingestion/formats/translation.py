"""Small steps that importers share: values by a table, and columns that one SQL statement makes of others."""

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
    connection.register("native", chunk.rows)
    rows = connection.sql(query).to_arrow_table()
    connection.unregister("native")
    return replace(chunk, rows=rows)


def one_of(column: str, table: Mapping[str, str]) -> str:
    """Return SQL that does what :func:`translated` does."""
    cases = " ".join(f"when '{old}' then '{new}'" for old, new in table.items())
    return f"case trim({column}) {cases} else {column} end"
