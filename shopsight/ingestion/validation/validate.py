"""Types and checks the rows of a chunk, all at once: DuckDB reads the Arrow columns where they lie."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.consent import UNSTATED
from shopsight.events import EVENT_SCHEMA, INVENTORY_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.ingestion.readers.chunks import RawChunk, TableName
from shopsight.ingestion.validation.guests import with_orders_as_actors
from shopsight.ingestion.validation.raw_columns import clean_columns, words_for_nobody
from shopsight.ingestion.validation.rules import EVENT_RULES, INVENTORY_RULES, ITEM_RULES, USER_RULES, Rule

SCHEMAS: Final[dict[TableName, pa.Schema]] = {
    "events": EVENT_SCHEMA,
    "items": ITEM_SCHEMA,
    "users": USER_SCHEMA,
    "inventory": INVENTORY_SCHEMA,
}
RULES: Final[dict[TableName, tuple[Rule, ...]]] = {
    "events": EVENT_RULES,
    "items": ITEM_RULES,
    "users": USER_RULES,
    "inventory": INVENTORY_RULES,
}

AMOUNTS: Final = ("quantity", "price", "value")
"""Columns of events whose sign says nothing in a refund; some tools send them below 0, others not."""
WITHIN: Final = timedelta(days=1)
"""How far in the future a moment may lie, for clocks and zones are set wrong."""
DIGITS: Final = r"\d{1,19}"
RFC3339: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z| ?UTC| ?[+-]\d\d(:?\d\d)?)"
"""With what tools write beside RFC 3339: a blank before the offset (Ruby, Shopify), an offset of hours (Postgres)."""
EPOCH: Final = r"\d{1,18}(\.\d+)?([eE]\+?\d\d?)?"


@dataclass(frozen=True, kw_only=True)
class Validated:
    """A chunk, split."""

    good: pa.Table
    """Typed rows in the columns of their table; ``event_id`` may still be missing, ids are still raw."""
    bad: NDArray[np.int64]
    """Indices of the other rows in the chunk."""
    reasons: list[list[str]]
    """Why each of the bad rows is bad: every rule it breaks, not just the first."""
    guests: int = 0
    """Good rows of orders without any identity, whose order is the actor."""
    nobody_words: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    """Rows by column and word of ids that are words for nobody (``NULL``), and so are no ids."""


class Judge(Protocol):
    """Types the columns of a chunk and applies the rules of its table."""

    def __call__(
        self, columns: Mapping[str, pa.ChunkedArray], *, received_at: datetime
    ) -> tuple[pa.Table, Sequence[Rule]]:
        """Return typed columns with ``problems``, a bit per broken rule, and the rules that the bits stand for.

        Args:
            columns: clean columns, without those that hold nothing.
            received_at: fills ``created_timestamp`` where a row has none.
        """
        ...


def validate(
    connection: duckdb.DuckDBPyConnection,
    chunk: RawChunk,
    *,
    source_name: str,
    received_at: datetime,
    judge: Judge | None = None,
) -> Validated:
    """Type every column of a chunk and apply every rule of its table to every row.

    Args:
        connection: any DuckDB connection in UTC.
        chunk: rows as they came.
        source_name: fills ``source`` where a row has none.
        received_at: fills ``created_timestamp`` where a row has none.
        judge: what applies the rules, where they are asked so often that the statement stays prepared.
    """
    schema = SCHEMAS[chunk.table]
    columns = clean_columns(connection, chunk.rows, schema)
    nobody_words = words_for_nobody(chunk.rows, columns)
    defaults = {"source": source_name, "consent": UNSTATED} if chunk.table == "events" else {"source": source_name}
    for name, value in defaults.items():
        text = columns.get(name, pa.chunked_array([pa.nulls(chunk.rows.num_rows, pa.string())]))
        columns[name] = pc.fill_null(text, value)
    columns = {name: column for name, column in columns.items() if column.null_count < max(1, chunk.rows.num_rows)}
    # Where orders are told apart only by their person, an order without a person cannot be told apart at all.
    is_countable = chunk.table == "events" and "event_name" in columns and "order_id" not in chunk.per_actor
    is_guest = with_orders_as_actors(columns) if is_countable else None
    if judge is None:
        typed, asked = _judged(connection, chunk, columns, received_at)
    else:
        typed, asked = judge(columns, received_at=received_at)
    problems = typed["problems"].to_numpy()
    is_bad = np.logical_or.reduce([problems != 0, *chunk.refused.values()])
    bad = np.flatnonzero(is_bad)
    given = {field.name: typed if _is_typed(field) else columns for field in schema if _is_given(field, typed, columns)}
    good = pa.table({name: place[name] for name, place in given.items()})
    if len(bad):
        good = good.filter(pa.array(~is_bad))
    good = pa.table({f.name: good[f.name] if f.name in given else pa.nulls(good.num_rows, f.type) for f in schema})
    names = {bits: [rule.reason for i, rule in enumerate(asked) if bits >> i & 1] for bits in set(problems[bad])}
    reasons = [_reasons_of(chunk, int(i), names[problems[i]]) for i in bad]
    guests = 0 if is_guest is None else int(np.count_nonzero(is_guest & ~is_bad))
    return Validated(good=good, bad=bad, reasons=reasons, guests=guests, nobody_words=nobody_words)


def _judged(
    connection: duckdb.DuckDBPyConnection,
    chunk: RawChunk,
    columns: Mapping[str, pa.ChunkedArray],
    received_at: datetime,
) -> tuple[pa.Table, Sequence[Rule]]:
    """Ask the rules that a chunk can break, by a statement made for its columns."""
    asked = [rule for rule in RULES[chunk.table] if _can_be_broken(rule, columns)]
    query = rules_query(
        SCHEMAS[chunk.table],
        asked,
        {name: column.type for name, column in columns.items()},
        arrival="event_timestamp" if chunk.arrived_when_happened else _timestamp_literal(received_at),
        latest=_timestamp_literal(received_at + WITHIN),
    )
    connection.register("raw_chunk", pa.table(columns))
    typed = connection.sql(query).to_arrow_table()
    connection.unregister("raw_chunk")
    return typed, asked


def _reasons_of(chunk: RawChunk, row: int, broken: list[str]) -> list[str]:
    """Return why a row is bad: the rules that it breaks, unless its format leaves it out on purpose."""
    refused = [reason for reason, is_refused in chunk.refused.items() if is_refused[row]]
    if chunk.left_out is not None and chunk.left_out[row]:
        return refused or ["left_out_by_design"]
    return broken + refused


def rules_query(
    schema: pa.Schema,
    rules: Sequence[Rule],
    types: Mapping[str, pa.DataType],
    *,
    arrival: str,
    latest: str,
    beside: Sequence[str] = (),
) -> str:
    """Return SQL that types the columns that are no text, and adds up the rules that each row breaks, one bit a rule.

    Text stays in Arrow as it is: passing it through DuckDB would double the time. Columns without any value are left
    out of the answer, unless they have a default.

    Args:
        schema: of the table.
        rules: what is asked, in the order of the bits.
        types: of the columns of ``raw_chunk``; those that are not named are empty.
        arrival: SQL of the time of a row's arrival where it names none.
        latest: SQL of the last moment that is not in the future.
        beside: further columns of ``raw_chunk``, which ``arrival`` and ``latest`` may name.
    """
    raw, typed, wanted = list(beside), [], ["problems"]
    for field in schema:
        kind = types.get(field.name)
        source = f'"{field.name}"' if kind else "null::varchar"
        if not _is_typed(field):
            raw.append(f'{source} as "{field.name}"')
            continue
        raw.append(f'{source} as "raw_{field.name}"')
        typed.append(f'{_typed(field, kind)} as "{field.name}"')
        default = {"line_number": "0", "created_timestamp": arrival}.get(field.name)
        is_null = f'"raw_{field.name}" is null'
        value = f'case when {is_null} then {default} else "{field.name}" end' if default else f'"{field.name}"'
        if field.name in AMOUNTS and "event_name" in types:  # what a refund gives back, it gives back in any sign
            value = f"case when event_name = 'refund' then abs({value}) else {value} end"
        if kind or default:
            wanted.append(f'{value} as "{field.name}"')
    bits = " + ".join(
        f"case when {rule.condition.replace('$latest', latest)} then {1 << i} else 0 end::bigint"
        for i, rule in enumerate(rules)
    )
    return f"""
        with raw as (select {", ".join(raw)} from raw_chunk),
        typed as (select *, {", ".join(typed)} from raw),
        judged as (select *, {bits} as problems from typed)
        select {", ".join(wanted)} from judged
    """


def _is_typed(field: pa.Field) -> bool:
    return not pa.types.is_string(field.type)


def _is_given(field: pa.Field, typed: pa.Table, columns: Mapping[str, pa.ChunkedArray]) -> bool:
    return field.name in (typed.column_names if _is_typed(field) else columns)


def _can_be_broken(rule: Rule, columns: Mapping[str, pa.ChunkedArray]) -> bool:
    """Return whether a rule is worth asking: most columns of most files are empty, and no text is too long."""
    about = [columns[name] for name in rule.about if name in columns]
    if rule.marks:
        return any(pc.any(pc.match_substring(column, mark)).as_py() for column in about for mark in rule.marks)
    if rule.limit is None:
        return bool(about) or not rule.about
    return any((pc.max(pc.binary_length(column)).as_py() or 0) > rule.limit for column in about)


def _typed(field: pa.Field, kind: pa.DataType | None) -> str:
    """Return SQL that turns ``raw_<name>`` into the field's type, NULL where that cannot be done."""
    column = f"raw_{field.name}"
    if pa.types.is_timestamp(field.type):
        return _typed_timestamp(column, kind)
    if pa.types.is_int32(field.type):
        return f"try_cast({column} as integer)"
    if pa.types.is_float64(field.type):
        return f"try_cast({column} as double)"
    return f"try_cast({column} as DECIMAL({field.type.precision}, {field.type.scale}))"


def _typed_timestamp(column: str, kind: pa.DataType | None) -> str:
    if kind is not None and pa.types.is_timestamp(kind):
        # A Parquet timestamp without a zone is UTC by convention (pandas and Spark both write it so).
        return f"try_cast({column} as timestamptz)"
    if kind is not None and pa.types.is_integer(kind):
        return _from_whole_epoch(f"try_cast({column} as bigint)")
    if kind is not None and pa.types.is_floating(kind):
        return _from_epoch(f"try_cast({column} as DECIMAL(38, 6))")
    text = f"{column}::varchar"
    whole = _from_whole_epoch(f"try_cast({text} as bigint)")
    epoch = _from_epoch(f"try_cast({text} as DECIMAL(38, 6))")
    return (
        f"case when regexp_full_match({text}, '{DIGITS}') then {whole} "
        f"when regexp_full_match({text}, '{EPOCH}') then {epoch} "
        f"when regexp_full_match(upper({text}), '{RFC3339}') then try_cast({_as_rfc3339(text)} as timestamptz) end"
    )


def _as_rfc3339(text: str) -> str:
    """Return SQL that writes a zoned time as DuckDB reads it: with hours and minutes after the sign, and no blank."""
    return (
        f"regexp_replace(regexp_replace(replace(upper({text}), ',', '.'), ' ?([+-]\\d\\d):?(\\d\\d)?$', '\\1:\\2'),"
        f" ':$', ':00')"
    )


def _from_epoch(number: str) -> str:
    """Return SQL for epoch seconds, milliseconds or microseconds: told apart by size, sure from 1973 to 5138."""
    unit = f"case when {number} < 1e11 then 1000000 when {number} < 1e14 then 1000 else 1 end"
    return (
        f"case when {number} >= 0 and {number} < 1e17 "
        f"then make_timestamptz(cast(round({number} * {unit}) as bigint)) end"
    )


def _from_whole_epoch(number: str) -> str:
    """Return the same for whole numbers and nanoseconds, in a fortieth of the time: decimals of 38 digits are slow."""
    whole_unit = f"case when {number} < 100000000000 then 1000000 when {number} < 100000000000000 then 1000 else 1 end"
    is_in_range = f"{number} between 0 and 99999999999999999"
    return (
        f"case when {is_in_range} then make_timestamptz({number} * {whole_unit}) "
        f"when {number} > 999999999999999999 then make_timestamptz({number} // 1000) end"
    )


def _timestamp_literal(moment: datetime) -> str:
    return f"timestamptz '{moment.isoformat()}'"
