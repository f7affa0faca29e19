"""Typed columns as the text that they would be in a CSV file, so that one reading serves every kind of file."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc


def as_text(connection: duckdb.DuckDBPyConnection, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of any type as text; nested values become JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):  # how some writers mark their text
        return column.cast(pa.string())
    value = "value"
    if pa.types.is_floating(kind):
        # pandas turns integer ids with gaps into floats: 6768.0 is item 6768, and NaN is a gap.
        value = """case when isnan(value) then null
            when value = floor(value) and abs(value) < 1e18 then try_cast(value as bigint)::varchar
            else value::varchar end"""
    elif pa.types.is_nested(kind):
        value = "to_json(value)"
    connection.register("untyped", pa.table({"value": column}))
    text = connection.sql(f"select cast({value} as varchar) as value from untyped").to_arrow_table()["value"]
    connection.unregister("untyped")
    return text


def with_text_columns(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    """Return rows whose columns are all text: nothing is the empty text, and times are ISO 8601 with their zone."""
    columns = []
    for name in rows.column_names:
        column = rows[name]
        if pa.types.is_timestamp(column.type):  # without a zone it is UTC by convention
            column = pc.strftime(column.cast(pa.timestamp("us")), "%Y-%m-%dT%H:%M:%SZ")
        columns.append(pc.fill_null(as_text(connection, column), ""))
    return pa.table(dict(zip(rows.column_names, columns, strict=True)))
