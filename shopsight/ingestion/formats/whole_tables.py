"""Reads a whole file as one table in its own types, where the file has types: Parquet's, and those of JSON's values."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.readers.headers import read_header
from shopsight.ingestion.readers.json_lines import read_json_lines
from shopsight.ingestion.readers.source_files import kind_of, open_bytes, open_source, plain_name

JSON_NAMES: Final = (".jsonl", ".json", ".ndjson")
NUMBERS: Final = frozenset({"UBIGINT", "BIGINT", "DOUBLE", "HUGEINT"})


@dataclass(frozen=True, kw_only=True)
class WholeTable:
    """All rows of a file."""

    rows: pa.Table
    are_typed: bool
    """Whether the types of the columns are the file's own; else all are text."""
    broken: int = 0
    """Lines that could not be read, and so are not among the rows."""


def read_whole(path: Path) -> WholeTable:
    """Return all rows of a file or folder, held in memory; of one without rows the columns alone.

    Args:
        path: as :func:`read_table` takes it.

    Raises:
        SourceFileError: it cannot be read.
    """
    broken, chunks = 0, []
    for chunk in read_table(path):
        broken += len(chunk.broken)
        chunks.append(chunk.rows)
    if not chunks:
        return WholeTable(rows=pa.table({name: pa.array([], pa.string()) for name in _names(path)}), are_typed=False)
    rows = pa.concat_tables(chunks, promote_options="permissive")
    if not path.is_file() or kind_of(path) == "parquet":
        return WholeTable(rows=rows, are_typed=path.is_file())
    if kind_of(path) == "text" and plain_name(path).endswith(JSON_NAMES):
        return WholeTable(rows=_in_types_of_json(path, rows.column_names), are_typed=True, broken=broken)
    return WholeTable(rows=rows, are_typed=False, broken=broken)


def _names(path: Path) -> Iterator[str]:
    if kind_of(path) == "parquet":
        with open_bytes(path) as source, pq.ParquetFile(source) as file:
            yield from file.schema_arrow.names
    else:
        with open_source(path) as text:
            yield from read_header(text, path, ()).names


def _in_types_of_json(path: Path, names: list[str]) -> pa.Table:
    """Return the values of keys as numbers, truths, lists or texts, each as most of its column are written."""
    structure = json.dumps(dict.fromkeys(names, "JSON")).replace("'", "''")
    columns = ", ".join(f"(fields.{_quoted(name)})::varchar as {_quoted(name)}" for name in names)
    query = (
        f"with taken as (select row, json_transform(line, '{structure}') as fields from objects) "
        f"select row, {columns} from taken"
    )
    written = pa.concat_tables([chunk.rows for chunk in read_json_lines(path, query)])
    with utc_connection() as connection:
        connection.register("written", written)
        return pa.table({name: _typed(connection, name) for name in names})


def _typed(connection: duckdb.DuckDBPyConnection, name: str) -> pa.ChunkedArray:
    value = f"{_quoted(name)}::JSON"
    kinds = connection.sql(f"select distinct json_type({value}) from written where {_quoted(name)} is not null")
    types = {kind for (kind,) in kinds.fetchall()} - {"NULL", None}
    read = f"{value}->>'$'"
    if types and types <= NUMBERS:
        read = f"cast({value} as double)"
    elif types == {"BOOLEAN"}:
        read = f"cast({value} as boolean)"
    elif types == {"ARRAY"}:
        read = f"cast({value} as varchar[])"
    return connection.sql(f"select {read} as value from written").to_arrow_table()["value"]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
