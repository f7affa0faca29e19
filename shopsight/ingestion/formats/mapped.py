"""Reads a table of any shape by a mapping of its columns."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from shopsight.events import EVENT_NAMES
from shopsight.identity import BLANKS
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.local_times import shown_twice, skipped
from shopsight.ingestion.formats.mapping import TIMES, ColumnMapping, Mapping
from shopsight.ingestion.formats.repeats import RepeatCounter
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.formats.translation import mapped
from shopsight.ingestion.guessing.words import EVENT_OF_WORD, event_word
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.source_files import unreadable

UNITS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}
WORDS_SHOWN: Final = 20
MAX_UNKNOWN_SHARE: Final = 0.9
"""With more rows than this whose word for the event is unknown, the mapping is wrong and not the rows."""
MIN_ROWS_JUDGED: Final = 10
"""Fewer rows say too little of a mapping: they go to the quarantine, as any row with an unknown word does."""
DOUBTS: Final = {"local_time_skipped": skipped, "local_time_shown_twice": shown_twice}
"""Checks of a validation, each with the SQL that finds its rows; they are the names of columns until then."""
NUMBERS: Final = ("quantity", "price", "value", "line_number", "list_position")


def read_mapped(path: Path, mapping: Mapping) -> Iterator[RawChunk]:
    """Yield the file's rows in canonical columns.

    Args:
        path: delimited text, Parquet, Excel or JSON Lines, or a folder of such files.
        mapping: where each canonical column comes from.

    Raises:
        SourceFileError: the file cannot be read, or lacks a column that the mapping names.
    """
    chunks = read_table(
        path,
        required=() if mapping.header else mapping.used_columns(),
        names=mapping.header,
        encoding=mapping.encoding,
        delimiter=mapping.delimiter,
    )
    repeats = RepeatCounter()
    with utc_connection() as connection:
        for chunk in chunks:
            query = _query(mapping, chunk.rows.schema)
            # DuckDB knows no capitals in names, a file does: Price and price are two columns.
            places = [str(place) for place in range(chunk.rows.num_columns)]
            chunk = mapped(connection, replace(chunk, rows=chunk.rows.rename_columns(places)), query)
            if mapping.table == "events":
                _refuse_unknown_words(path, chunk.rows["event_name"])
            chunk = _with_pieces_numbered(chunk, repeats) if mapping.repeats_are_pieces else chunk
            chunk = _with_doubts(chunk)
            yield replace(
                chunk,
                table=mapping.table,
                per_actor=mapping.unique_per_actor,
                arrived_when_happened=mapping.history and mapping.table == "events",
            )


def _refuse_unknown_words(path: Path, names: pa.ChunkedArray) -> None:
    """Stop where nearly every word for an event means nothing here: the mapping is wrong, not the rows.

    Raises:
        SourceFileError: with the words, how often each occurs, and the lines that the mapping needs.
    """
    counts = Counter({pair["values"]: pair["counts"] for pair in names.value_counts().to_pylist()})
    unknown = Counter({word: rows for word, rows in counts.items() if word and word.strip() not in EVENT_NAMES})
    if counts.total() < MIN_ROWS_JUDGED or unknown.total() <= MAX_UNKNOWN_SHARE * counts.total():
        return
    common = [word for word, _ in unknown.most_common(WORDS_SHOWN)]
    said = ", ".join(f"{word!r} ({unknown[word]:,})" for word in common)
    more = f" and {len(unknown) - len(common)} more" if len(unknown) > len(common) else ""
    proposal = ", ".join(f"{word!r}: {EVENT_OF_WORD.get(event_word(word), '?')}" for word in common)
    raise unreadable(
        path,
        why=f"nearly all of its rows have words for events that are no event names: {said}{more}",
        fix=f"say in the mapping, under event_name, what each means: values: {{{proposal}}}; "
        f"the names are {', '.join(EVENT_NAMES)}",
    )


def _query(mapping: Mapping, schema: pa.Schema) -> str:
    taken = [f"{_value(name, origin, schema)} as {_quoted(name)}" for name, origin in mapping.columns.items()]
    if mapping.properties:
        pairs = ", ".join(f"{_literal(name)}, {_kept(name, schema)}" for name in mapping.properties)
        rest = "attributes" if mapping.table == "items" else "properties"
        taken.append(f"nullif(json_merge_patch('{{}}', json_object({pairs}))::varchar, '{{}}') as {rest}")
    if mapping.repeats_are_pieces:
        taken.append(f"hash({', '.join(_column(name, schema) for name in schema.names)}) as row_hash")
    time = mapping.columns.get("event_timestamp")
    doubted: list[str] = []
    if time is not None and time.column and time.zone and time.zone != "UTC" and _is_local(time):
        local = _local(_text(_column(time.column, schema), schema.field(time.column).type), time)
        taken += [f"{is_doubtful(local, _literal(time.zone))} as {name}" for name, is_doubtful in DOUBTS.items()]
        doubted = list(DOUBTS)
    final = [_final(name, origin) for name, origin in mapping.columns.items()] + doubted
    if mapping.negative_quantity_is_refund:
        is_refund = "event_name = 'purchase' and try_cast(quantity as double) < 0"
        name = f"if({is_refund}, 'refund', event_name) as event_name"
        quantity = f"if({is_refund}, ltrim(quantity, '-'), quantity) as quantity"
        final = [name, quantity, *(f for f in final if f not in ('"event_name"', '"quantity"'))]
    if mapping.repeats_are_pieces:
        names = ", ".join(map(_literal, mapping.repeats_are_pieces))
        final.append(f"row_hash, event_name in ({names}) as is_counted")
    rest_name = ["attributes" if mapping.table == "items" else "properties"] if mapping.properties else []
    return f"with taken as (select {', '.join(taken)} from native) select {', '.join([*final, *rest_name])} from taken"


def _final(name: str, origin: ColumnMapping) -> str:
    if not origin.only:
        return _quoted(name)
    names = ", ".join(map(_literal, origin.only))
    return f"case when event_name in ({names}) then {_quoted(name)} end as {_quoted(name)}"


def _value(name: str, origin: ColumnMapping, schema: pa.Schema) -> str:
    """Return SQL for one canonical column, as text; a time that cannot be read becomes a text that says so."""
    if origin.column is None:
        return _literal(origin.constant or "")
    column = _column(origin.column, schema)
    text = _text(column, schema.field(origin.column).type)
    if origin.values:
        cases = " ".join(f"when {_literal(old)} then {_literal(new)}" for old, new in origin.values.items())
        text = f"case trim({text}) {cases} else {text} end"
    if origin.separator:
        text = f"replace({text}, {_literal(origin.separator)}, ' > ')"
    if name in NUMBERS and _is_text(schema.field(origin.column).type):
        text = _number(text, origin)
    return _time(text, origin) if name in TIMES else text


def _number(text: str, origin: ColumnMapping) -> str:
    """Return SQL for a number with a decimal point; what is written in another way becomes a text that says so.

    Under a decimal comma ``12.50`` is no number: taking its point for a sign between thousands would make it 1250.
    """
    if origin.sign:
        text = f"trim(replace({text}, {_literal(origin.sign)}, ''), {_literal(BLANKS)})"
    if origin.decimal == "." and origin.thousands is None:
        return text
    thousands = origin.thousands or "."
    between = f"[{thousands}\\s\u00a0\u202f''’]"
    number = f"[+-]?(\\d{{1,3}}({between}\\d{{2,3}})*{between}\\d{{3}}|\\d+)([{origin.decimal}]\\d*)?"
    plain = f"replace(regexp_replace({text}, '{between}', '', 'g'), '{origin.decimal}', '.')"
    odd = _literal(f"not a number with the decimal sign {origin.decimal}: ")
    is_number = f"regexp_full_match(trim({text}), '{number}')"
    return f"case when {is_number} then {plain} when trim({text}) <> '' then {odd} || {text} end"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _time(text: str, origin: ColumnMapping) -> str:
    if origin.unit == "days":
        moment = f"timezone({_literal(origin.zone or 'UTC')}, {_local(text, origin)})"
        wanted = "a number of days since 1899-12-30"
    elif origin.unit:
        number = f"try_cast({text} as DECIMAL(38, 6))"
        moment = f"try(make_timestamptz(cast(round({number} * {UNITS[origin.unit]}) as bigint)))"
        wanted = f"a number of {origin.unit}"
    elif origin.format and "%z" in origin.format:
        moment, wanted = f"try_strptime({text}, {_literal(origin.format)})::timestamptz", origin.format
    elif origin.zone:
        moment, wanted = f"timezone({_literal(origin.zone)}, {_local(text, origin)})", origin.format or "ISO 8601"
    else:
        return text
    utc = f"strftime(timezone('UTC', {moment}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"case when trim({text}) <> '' then coalesce({utc}, {_literal(f'not {wanted}: ')} || {text}) end"


def _is_local(origin: ColumnMapping) -> bool:
    """Return whether a time is a clock's, in the zone that the mapping names."""
    return origin.unit == "days" or (not origin.unit and "%z" not in (origin.format or ""))


def _local(text: str, origin: ColumnMapping) -> str:
    """Return SQL for what the clock showed, NULL where that cannot be read."""
    if origin.unit == "days":
        days = f"try_cast({text} as double)"
        return f"timestamp '1899-12-30' + to_microseconds(try_cast(round({days} * 86400000) * 1000 as bigint))"
    local = f"try_strptime({text}, {_literal(origin.format)})" if origin.format else f"try_cast({text} as timestamp)"
    return f"{local}::timestamp"


def _text(column: str, kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):  # 6768.0 is item 6768: pandas turns whole numbers with gaps into floats
        return f"if({column} = floor({column}), try_cast({column} as bigint)::varchar, {column}::varchar)"
    if pa.types.is_timestamp(kind):  # Parquet without a zone is UTC by convention, unless the mapping says otherwise
        utc = column if kind.tz is None else f"timezone('UTC', {column})"
        return f"strftime({utc}, '%Y-%m-%d %H:%M:%S.%fZ')"
    return f"{column}::varchar"


def _with_doubts(chunk: RawChunk) -> RawChunk:
    """Take the columns that say of a time whether it was doubtful out of the rows."""
    names = [name for name in DOUBTS if name in chunk.rows.column_names]
    doubts = {name: chunk.rows[name].fill_null(False).to_numpy() for name in names}
    return replace(chunk, rows=chunk.rows.drop_columns(names), doubts=doubts)


def _with_pieces_numbered(chunk: RawChunk, repeats: RepeatCounter) -> RawChunk:
    counted = chunk.rows["is_counted"].fill_null(False).to_numpy()
    numbers = np.zeros(chunk.rows.num_rows, dtype=np.int64)
    numbers[counted] = repeats.number(chunk.rows["row_hash"].to_numpy()[counted])
    rows = chunk.rows.drop_columns(["is_counted", "row_hash"]).append_column("line_number", pa.array(numbers))
    return replace(chunk, rows=rows)


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
