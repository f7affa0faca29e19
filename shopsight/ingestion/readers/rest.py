"""Keeps what has no column of its own: it is gathered as JSON in the one column of the table that is made for it."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa


def gather_rest(
    connection: duckdb.DuckDBPyConnection, rows: pa.Table, *, known: Sequence[str], into: str | None
) -> pa.Table:
    """Move the columns that are not known into the JSON column ``into``, or leave them out where that is None."""
    extra = [name for name in rows.column_names if name not in known]
    if not extra:
        return rows
    canonical = rows.select([name for name in rows.column_names if name in known])
    if into is None:
        return canonical
    # By place, for DuckDB knows no capitals in names: Price is another column than price.
    places = {name: f"extra_{place}" for place, name in enumerate(extra)}
    pairs = ", ".join(f"{_text(name)}, {_value(places[name], rows.schema.field(name).type)}" for name in extra)
    gathered = f"json_merge_patch('{{}}', json_object({pairs}))"  # the patch leaves out nulls
    own = f'"{into}"::varchar' if into in canonical.column_names else "null::varchar"
    kept = [into] if into in canonical.column_names else []
    connection.register("with_rest", rows.select([*extra, *kept]).rename_columns([*places.values(), *kept]))
    column = connection.sql(f"select {merged(own, gathered)} as rest from with_rest").to_arrow_table()["rest"]
    connection.unregister("with_rest")
    if into in canonical.column_names:
        return canonical.set_column(canonical.schema.get_field_index(into), into, column)
    return canonical.append_column(into, column)


def merged(own: str, gathered: str) -> str:
    """Return SQL that adds what was gathered to the column's own JSON, whose keys win.

    Where the column's own text is no JSON it stays as it is, for validation to refuse.
    """
    return (
        f"case when coalesce(trim({own}), '') = '' then nullif(({gathered})::varchar, '{{}}') "
        f"when json_valid({own}) then json_merge_patch(({gathered})::JSON, {own}::JSON)::varchar else {own} end"
    )


def _value(name: str, kind: pa.DataType) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"nullif({quoted}, '')" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else quoted


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
