"""The SQL by which rows of a file become rows in canonical columns, as a mapping says."""

from typing import Final
from zoneinfo import available_timezones

import pyarrow as pa

from shopsight.identity import BLANKS
from shopsight.ingestion.formats.local_times import shown_twice, skipped
from shopsight.ingestion.formats.mapping import NUMBERS, TIMES, ColumnMapping, Mapping, Words
from shopsight.ingestion.readers.chunks import DOUBTS

UNITS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}
FIXED_ZONES: Final = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z"})
"""Zones without daylight saving, so that no hour of theirs needs a look."""
HELPERS: Final = (
    "order_total", "order_discount", "order_refund", "line_refund", "refunded_at", "line_id", "part_of", "is_wanted",
    "item_title", "is_counted", "row_hash", *DOUBTS,
)  # fmt: skip
"""Columns beside the canonical ones, which are gone when the chunk is done."""


def query_of(mapping: Mapping, schema: pa.Schema) -> str:
    """Return a query over ``native``, whose columns are called by their place in the schema.

    It answers the canonical columns, and those of :data:`HELPERS` that the mapping needs, row for row.
    """
    origins = mapping.origins()
    taken = [f"{_value(name, origin, schema)} as {_quoted(name)}" for name, origin in origins.items()]
    final = [_final(name, origin) for name, origin in origins.items()]
    if mapping.properties:
        rest = "attributes" if mapping.table == "items" else "properties"
        pairs = ", ".join(f"{_literal(name)}, {_kept(name, schema)}" for name in mapping.properties)
        taken.append(f"nullif(json_merge_patch('{{}}', json_object({pairs}))::varchar, '{{}}') as {rest}")
        final.append(rest)
    if mapping.negative_quantity_is_refund:
        final = _with_refunds(final, mapping)
    for name, expression in _helpers(mapping, schema).items():
        taken.append(f"{expression} as {name}")
        final.append(name)
    if mapping.repeats_are_pieces:
        names = ", ".join(map(_literal, mapping.repeats_are_pieces))
        final.append(f"event_name in ({names}) as is_counted")
    return f"with taken as (select {', '.join(taken)} from native) select {', '.join(final)} from taken"


def _with_refunds(final: list[str], mapping: Mapping) -> list[str]:
    """Return the columns with a purchase of -2 pieces as a refund of 2, whose amount has no sign either."""
    is_refund = "event_name = 'purchase' and try_cast(quantity as double) < 0"
    changed = {"event_name": f"if({is_refund}, 'refund', event_name) as event_name"}
    for name in ("quantity", "value"):
        if name in mapping.columns:
            changed[name] = f"if({is_refund}, ltrim({name}, '-'), {name}) as {name}"
    return [*changed.values(), *(column for column in final if column.strip('"') not in changed)]


def _helpers(mapping: Mapping, schema: pa.Schema) -> dict[str, str]:
    helpers: dict[str, str] = {}
    if mapping.where:
        tests = " and ".join(_is_wanted(name, words, schema) for name, words in mapping.where.items())
        helpers["is_wanted"] = f"({tests})"
    if mapping.part_of:
        helpers["part_of"] = _text_of(mapping.part_of.column, schema)
        helpers["line_id"] = _text_of(mapping.part_of.line, schema)
    if mapping.repeats_are_pieces:
        helpers["row_hash"] = f"hash({', '.join(_column(name, schema) for name in schema.names)})"
    time = mapping.columns.get("event_timestamp")
    if time and time.column and time.has_zone and time.zone not in FIXED_ZONES and time.unit in (None, "days"):
        local, zone = _local_time(_text_of(time.column, schema), time), _zone(time, schema)
        helpers |= {"local_time_skipped": skipped(local, zone), "local_time_shown_twice": shown_twice(local, zone)}
    return helpers


def _is_wanted(name: str, words: Words, schema: pa.Schema) -> str:
    listed = ", ".join(_literal(word.strip().lower()) for word in words.keep or words.skip)
    is_listed = f"coalesce(lower(trim({_text_of(name, schema)})) in ({listed}), false)"
    return is_listed if words.keep else f"not {is_listed}"


def _final(name: str, origin: ColumnMapping) -> str:
    if not origin.only:
        return _quoted(name)
    names = ", ".join(map(_literal, origin.only))
    return f"case when event_name in ({names}) then {_quoted(name)} end as {_quoted(name)}"


def _value(name: str, origin: ColumnMapping, schema: pa.Schema) -> str:
    """Return SQL for one column, as text; a time that cannot be read becomes a text that says so."""
    if origin.column is None:
        return _literal(origin.constant or "")
    text = _text_of(origin.column, schema)
    if origin.otherwise:
        text = f"coalesce(nullif(trim({text}), ''), {_text_of(origin.otherwise, schema)})"
    if origin.values:
        cases = " ".join(f"when {_literal(old)} then {_literal(new)}" for old, new in origin.values.items())
        text = f"case trim({text}) {cases} else {text} end"
    if origin.separator:
        text = f"replace({text}, {_literal(origin.separator)}, ' > ')"
    if name in NUMBERS:
        text = _number(text, origin) if _is_text(schema.field(origin.column).type) else text
        text = _scaled(text, origin.scale)
    return _time(text, origin, schema) if name in TIMES else text


def _number(text: str, origin: ColumnMapping) -> str:
    """Return SQL for a number with a decimal point; what is written in another way becomes a text that says so.

    Under a decimal comma ``12.50`` is no number: taking its point for a sign between thousands would make it 1250.
    """
    if origin.sign:
        text = f"trim(replace({text}, {_literal(origin.sign)}, ''), {_literal(BLANKS)})"
    thousands = origin.thousands or ("." if origin.decimal == "," else "")
    between = f"[{thousands}\\s\u00a0\u202f''’]"
    number = f"[+-]?(\\d{{1,3}}({between}\\d{{2,3}})*{between}\\d{{3}}|\\d+)([{origin.decimal}]\\d*)?"
    plain = f"replace(regexp_replace({text}, '{between}', '', 'g'), '{origin.decimal}', '.')"
    is_number = f"regexp_full_match(trim({text}), '{number}')"
    if origin.decimal == "." and origin.thousands is None:  # as numbers mostly are: a second look at the others is rare
        return f"case when try_cast({text} as double) is null and {is_number} then {plain} else {text} end"
    odd = _literal(f"not a number with the decimal sign {origin.decimal}: ")
    return f"case when {is_number} then {plain} when trim({text}) <> '' then {odd} || {text} end"


def _scaled(text: str, scale: int) -> str:
    """Return SQL for an amount in units of the shop's currency, exact to six decimals."""
    if scale == 1:
        return text
    factor = f"{1 / scale:.6f}::decimal(7, 6)"
    return f"coalesce((try_cast({text} as decimal(24, 4)) * {factor})::decimal(30, 6)::varchar, {text})"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _time(text: str, origin: ColumnMapping, schema: pa.Schema) -> str:
    if origin.unit == "days":
        moment = f"timezone({_zone(origin, schema)}, {_local_time(text, origin)})"
        wanted = "a number of days since 1899-12-30"
    elif origin.unit:
        number = f"try_cast({text} as DECIMAL(38, 6))"
        moment = f"try(make_timestamptz(cast(round({number} * {UNITS[origin.unit]}) as bigint)))"
        wanted = f"a number of {origin.unit}"
    elif origin.format and "%z" in origin.format:
        moment, wanted = f"try_strptime({text}, {_literal(origin.format)})::timestamptz", origin.format
    elif origin.has_zone:
        moment, wanted = f"timezone({_zone(origin, schema)}, {_local_time(text, origin)})", origin.format or "ISO 8601"
        wanted += " in a zone that is known" if origin.zone_column else ""
    else:
        return text
    utc = f"strftime(timezone('UTC', {moment}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"case when trim({text}) <> '' then coalesce({utc}, {_literal(f'not {wanted}: ')} || {text}) end"


def _local_time(text: str, origin: ColumnMapping) -> str:
    """Return SQL for what the clock showed, NULL where that cannot be read."""
    if origin.unit == "days":
        days = f"try_cast({text} as double)"
        return f"timestamp '1899-12-30' + to_microseconds(try_cast(round({days} * 86400000) * 1000 as bigint))"
    read = f"try_strptime({text}, {_literal(origin.format)})" if origin.format else f"try_cast({text} as timestamp)"
    return f"{read}::timestamp"


def _zone(origin: ColumnMapping, schema: pa.Schema) -> str:
    """Return SQL for the zone; a column's own word where that is a zone, else null, as DuckDB stops at others."""
    if origin.zone_column is None:
        return _literal(origin.zone or "UTC")
    said = f"trim({_text_of(origin.zone_column, schema)})"
    zones = ", ".join(map(_literal, sorted(available_timezones())))
    return f"case when list_contains([{zones}], {said}) then {said} end"


def _text_of(name: str, schema: pa.Schema) -> str:
    return _text(_column(name, schema), schema.field(name).type)


def _text(column: str, kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):  # 6768.0 is item 6768: pandas turns whole numbers with gaps into floats
        return f"if({column} = floor({column}), try_cast({column} as bigint)::varchar, {column}::varchar)"
    if pa.types.is_timestamp(kind):  # Parquet without a zone is UTC by convention, unless the mapping says otherwise
        utc = column if kind.tz is None else f"timezone('UTC', {column})"
        return f"strftime({utc}, '%Y-%m-%d %H:%M:%S.%fZ')"
    return f"{column}::varchar"


def _kept(name: str, schema: pa.Schema) -> str:
    column = _column(name, schema)
    return f"nullif({column}, '')" if pa.types.is_string(schema.field(name).type) else column


def _column(name: str, schema: pa.Schema) -> str:
    """Return SQL for a column of the file, which goes by its place there."""
    return _quoted(str(schema.get_field_index(name)))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
