"""Brings the columns of a chunk to one shape before they are judged: trimmed text, ids in one spelling."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.identity import BLANKS, ID_COLUMNS, clean_ids, none_if_empty, strip_blanks
from shopsight.ingestion.readers.texts import as_text

UPPERCASE: Final = ("currency",)


def clean_columns(
    connection: duckdb.DuckDBPyConnection, rows: pa.Table, schema: pa.Schema
) -> dict[str, pa.ChunkedArray]:
    """Return the columns of ``rows`` that are in the schema.

    Text is trimmed and empty text becomes null, as do words for nobody in columns of ids. Columns that the schema
    wants as text are text afterwards; the others keep their type, for validation to cast.
    """
    cleaned = {}
    for field in schema:
        if field.name not in rows.column_names:
            continue
        column = _plain(rows[field.name])
        if pa.types.is_string(field.type) and not pa.types.is_string(column.type):
            column = as_text(connection, column)
        if pa.types.is_string(column.type):
            column = clean_ids(column, field.name) if field.name in ID_COLUMNS else _trimmed(column)
        cleaned[field.name] = pc.utf8_upper(column) if field.name in UPPERCASE else column
    return cleaned


def words_for_nobody(rows: pa.Table, cleaned: Mapping[str, pa.ChunkedArray]) -> Counter[tuple[str, str]]:
    """Return how often each word for nobody stood in a column of ids.

    Args:
        rows: as they came.
        cleaned: what :func:`clean_columns` made of them.

    Returns:
        Rows by column and word.
    """
    words: Counter[tuple[str, str]] = Counter()
    for name in ID_COLUMNS:
        if name not in cleaned or cleaned[name].null_count <= rows[name].null_count:
            continue
        raw = _plain(rows[name])
        if not pa.types.is_string(raw.type):  # a number that is nobody's: 0, -1
            raw = raw.cast(pa.string())
        lost = raw.filter(pc.and_(pc.is_valid(raw), pc.is_null(cleaned[name])))
        for pair in lost.value_counts().to_pylist():
            if word := pair["values"].strip(BLANKS):
                words[name, word] += pair["counts"]
    return words


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind) and kind.unit == "ns":  # cut to a microsecond, as texts and epochs are
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    return column


def _trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return none_if_empty(strip_blanks(column))
