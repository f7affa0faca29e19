"""Turns the lines of a shop system's orders into purchases and refunds; each system says which column is what.

What is read, whichever system wrote it:

- A line is a purchase; its ``value`` is what it brought: its own total, less its share of the order's discount. Postage
  and tax that the system keeps apart are no revenue of items.
- An order that was cancelled, voided or refunded as a whole gives a refund of the whole order, without an amount.
- Money that was given back gives a refund by amount: of a line where the system says which, else of the order, and
  never more than the order's lines brought.
- An order that was never paid, and a line that is a part of another line, are left out by design.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.ingestion.formats.amounts import spread
from shopsight.ingestion.guessing.numbers import number_shape
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.source_files import unreadable

OF_THE_ORDER: Final = (
    "ordered_at", "user_id", "currency", "country", "channel", "state", "order_discount", "refunded", "refunded_at",
)  # fmt: skip
"""Columns that an order has once, on whichever of its lines they stand."""
OF_A_LINE: Final = (
    "item_id", "title", "brand", "category", "quantity", "price", "line_revenue", "line_refund", "refunded_quantity",
    "is_part",
)  # fmt: skip
GIVEN_BACK: Final = "given_back"
NOT_PAID: Final = "not_paid"
"""States of an order that a query of lines may give; any other is an order that stands."""
DOUBTFUL: Final = r"^[1-9]\d{0,2}\.\d{3}$"
"""A point that may stand before decimals or between thousands."""
PARTS_OF_A_LINE: Final = 3
"""A purchase, a refund of the line, and on an order's first line a refund of the order."""
EVENT_COLUMNS: Final = (
    "event_id", "event_name", "event_timestamp", "user_id", "item_id", "quantity", "price", "currency", "value",
    "order_id", "country", "channel", "category", "brand", "line_number", "title",
)  # fmt: skip


def columns_by_alias(rows: pa.Table, aliases: Mapping[str, tuple[str, ...]]) -> pa.Table:
    """Return one text column per name, taken from the first of its aliases that is filled; else it is null.

    Capitals, blanks and marks of the header do not count: ``_order_total`` is ``Order Total``.

    Args:
        rows: columns of text.
        aliases: words of the header that each name may go by, in small letters with single blanks.
    """
    there = {_plain(name): rows[name] for name in reversed(rows.column_names)}
    nothing = pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    return pa.table(
        {
            name: pc.coalesce(*[_filled_text(there[word]) for word in words if word in there], nothing)
            for name, words in aliases.items()
        }
    )


def _filled_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def has_columns(names: Iterable[str], *groups: tuple[str, ...]) -> bool:
    """Return whether a header has a word of every group."""
    there = {_plain(name) for name in names}
    return all(there & set(words) for words in groups)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


def with_plain_amounts(path: Path, rows: pa.Table, names: Iterable[str]) -> pa.Table:
    """Return rows without points between the thousands of amounts, where other amounts of the file show that they are.

    ``Rp50.000`` alone may be fifty thousand or fifty; ``Rp1.250.000`` beside it says which.

    Args:
        path: for messages.
        rows: columns of text.
        names: the columns of amounts; a shop writes them all in the same way.

    Raises:
        SourceFileError: points stand before three digits, and nothing in the file says what they are.
    """
    columns = {name: rows[name] for name in names if name in rows.column_names}
    texts = {name: pc.replace_substring_regex(column, r"[^0-9.,]", "") for name, column in columns.items()}
    doubtful = {name: _mask(pc.match_substring_regex(text, DOUBTFUL)) for name, text in texts.items()}
    if not any(mask.any() for mask in doubtful.values()):
        return rows
    shape = number_shape([text for column in texts.values() for text in pc.unique(column).to_pylist() if text])
    if shape.question:
        example = next(columns[name].to_pylist()[int(np.argmax(mask))] for name, mask in doubtful.items() if mask.any())
        raise unreadable(
            path,
            why=f"its amounts, such as {example}, may have a point before decimals or between thousands",
            fix="export amounts with two decimals, or import it as mapped, where decimal and thousands say which",
        )
    for name, mask in doubtful.items() if shape.thousands == "." else ():
        plain = pc.if_else(pa.array(mask), pc.replace_substring(columns[name], ".", ""), columns[name])
        rows = rows.set_column(rows.schema.get_field_index(name), name, plain)
    return rows


def _mask(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).to_numpy(), dtype=np.bool_)


def number(column: str) -> str:
    """Return SQL that reads an amount however a shop prints it: with a currency sign, thousands, or a decimal comma.

    The last of several different marks is the decimal one; a comma before exactly three digits stands for thousands.
    """
    digits = f"regexp_replace({column}, '[^0-9.,eE+-]', '', 'g')"
    plain = rf"""case
        when regexp_matches({digits}, '\..*,') then replace(replace({digits}, '.', ''), ',', '.')
        when regexp_matches({digits}, ',.*\.|,.*,|,\d\d\d$') then replace({digits}, ',', '')
        when regexp_matches({digits}, '\..*\.') then replace({digits}, '.', '')
        else replace({digits}, ',', '.') end"""
    return f"try_cast({plain} as double)"


def moment(column: str) -> str:
    """Return SQL that reads a time without a zone as UTC, and leaves one with a zone as it is."""
    no_zone = rf"regexp_full_match(trim({column}), '\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?')"
    return f"case when {no_zone} then trim({column}) || 'Z' else trim({column}) end"


def adds_up(items: str) -> str:
    """Return SQL for whether an amount of the items, with postage and tax, is what was to be paid."""
    rest = f"abs(paid - coalesce(postage, 0) - ({items}))"
    return f"({rest} < 0.005 or abs({rest} - coalesce(tax, 0)) < 0.005)"


def discount_of_items(otherwise: str) -> str:
    """Return SQL for the part of an order's discount that its lines do not show yet.

    What is to be paid tells: where the lines, postage and tax add up to it, the discount is in the lines already, or
    was taken off the postage.

    Args:
        otherwise: SQL where what is to be paid agrees with neither.

    The SQL reads the sums of the order ``items``, ``discount``, ``paid``, ``postage`` and ``tax``; tax may be part of
    the prices or come on top.
    """
    return f"""case
        when coalesce(discount, 0) = 0 or {adds_up("items")} then 0
        when {adds_up("items - abs(discount)")} then abs(discount)
        else {otherwise} end"""


def whole_orders(chunks: Iterable[RawChunk], key: str) -> Iterator[RawChunk]:
    """Yield the same rows in chunks that hold every order whole, given that its lines follow each other.

    Args:
        chunks: rows of one file, in its order.
        key: column of text that all lines of an order share.
    """
    unfinished: RawChunk | None = None
    for chunk in chunks:
        joined = chunk if unfinished is None else _joined(unfinished, chunk)
        keys = np.asarray(joined.rows[key].to_pylist(), dtype=object)
        named = np.flatnonzero(keys != None)  # noqa: E711 - a comparison of each
        # A row without a key, such as a blank one, may stand between two lines of an order.
        others = named[keys[named] != keys[named[-1]]] if len(named) else named
        begin = int(others[-1]) + 1 if len(others) else 0
        unfinished = replace(taken(joined, np.arange(begin, len(keys))), broken=())
        yield taken(joined, np.arange(begin))
    if unfinished is not None:
        yield unfinished


def taken(chunk: RawChunk, places: NDArray[np.int64]) -> RawChunk:
    """Return some rows of a chunk."""
    return replace(
        chunk,
        rows=chunk.rows.take(pa.array(places, pa.int64())),
        lines=chunk.lines[places],
        parts=None if chunk.parts is None else chunk.parts[places],
        raw=lambda wanted: chunk.raw(places[wanted]),
    )


def _joined(first: RawChunk, second: RawChunk) -> RawChunk:
    count = first.rows.num_rows

    def raw(places: NDArray[np.int64]) -> list[bytes]:
        return [
            (first.raw(np.array([at])) if at < count else second.raw(np.array([at - count])))[0]
            for at in places.tolist()
        ]

    rows = pa.concat_tables([first.rows, second.rows], promote_options="permissive")
    return replace(second, rows=rows, lines=np.concatenate([first.lines, second.lines]), raw=raw)


def order_events(connection: duckdb.DuckDBPyConnection, chunk: RawChunk, query: str) -> RawChunk:
    """Return the purchases and refunds that the lines of whole orders say.

    Args:
        connection: any connection in UTC.
        chunk: lines of orders in the system's own columns, as text.
        query: SQL over ``native`` (the lines, and ``row``, their place) that gives ``row``, ``order_id`` and any of
            :data:`OF_THE_ORDER` and :data:`OF_A_LINE`; amounts as doubles, in the order's currency.

    Returns:
        A row per purchase and refund, with the item's ``title``.
    """
    row = pa.array(np.arange(chunk.rows.num_rows))
    connection.register("native", chunk.rows.append_column("row", row))
    lines = connection.sql(_filled(connection, query)).to_arrow_table()
    connection.unregister("native")
    value = _values(lines)
    lines = lines.append_column("value", pa.array(value, from_pandas=True))
    connection.register("lines", lines)
    rows = connection.sql(EVENTS).to_arrow_table()
    connection.unregister("lines")
    at = rows["row"].to_numpy()
    refused = {
        reason: rows[reason].to_numpy(zero_copy_only=False)
        for reason in ("order_not_paid", "part_of_another_line", "order_without_its_first_line")
    }
    return replace(
        taken(chunk, at),
        rows=rows.select(list(EVENT_COLUMNS)),
        parts=(0 if chunk.parts is None else chunk.parts[at]) * PARTS_OF_A_LINE + rows["place"].to_numpy(),
        refused=refused,
        left_out=refused["order_not_paid"] | refused["part_of_another_line"],
        arrived_when_happened=True,
    )


def _filled(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return SQL that gives every line the columns of its order, and all columns that the query leaves out."""
    given = connection.sql(query).columns
    kinds = dict.fromkeys(("quantity", "price", "line_revenue", "line_refund", "refunded_quantity"), "double")
    kinds |= {"order_discount": "double", "refunded": "double", "is_part": "boolean"}

    def column(name: str) -> str:
        return name if name in given else f"null::{kinds.get(name, 'varchar')}"

    of_lines = ", ".join(f"{column(name)} as {name}" for name in OF_A_LINE)
    of_orders = ", ".join(
        f"arg_min({column(name)}, row) over whole as {name}" if name in given else f"{column(name)} as {name}"
        for name in OF_THE_ORDER
    )
    return f"""
        with given as ({query})
        select
            row,
            order_id,
            dense_rank() over (order by order_id) as number,
            row_number() over (partition by order_id, {column("item_id")} order by row) - 1 as line_number,
            {of_lines},
            {of_orders}
        from given
        window whole as (partition by order_id)
        order by row
    """


def _values(lines: pa.Table) -> NDArray[np.float64]:
    """Return what each line brought: its total, or pieces by price, less its share of the order's discount."""

    def amounts(name: str) -> NDArray[np.float64]:
        numbers: NDArray[np.float64] = lines[name].cast(pa.float64()).to_numpy()
        return numbers

    pieces = np.nan_to_num(amounts("quantity"), nan=1.0)
    total = np.where(np.isnan(amounts("line_revenue")), amounts("price") * pieces, amounts("line_revenue"))
    total[lines["is_part"].fill_null(False).to_numpy(zero_copy_only=False)] = np.nan
    order = lines["number"].to_numpy()
    whole = np.bincount(order, np.nan_to_num(total))[order] if len(order) else total
    discount = np.minimum(np.abs(amounts("order_discount")), whole)
    discount[np.isnan(total)] = np.nan
    return np.round(total - np.nan_to_num(spread(discount, total, order)), 4)


EVENTS: Final = f"""
    with judged as (
        select
            * exclude (quantity),
            case when quantity = floor(quantity) then quantity::bigint::varchar else quantity::varchar end as quantity,
            coalesce(is_part, false) as part_of_another_line,
            coalesce(state = '{NOT_PAID}', false) as order_not_paid,
            coalesce(state = '{GIVEN_BACK}', false) as is_given_back,
            ordered_at is null and order_id is not null as order_without_its_first_line,
            row = min(row) over whole as is_first,
            bool_or(coalesce(refunded_quantity > 0, false)) over whole as names_pieces,
            -- Of the money given back, what no line is named for; postage and tax are not among it.
            if(refunded > 0, least(refunded, sum("value") over whole) - coalesce(sum(line_refund) over whole, 0), 0)
                as left_to_refund
        from lines
        window whole as (partition by order_id)
    ),
    refunds as (
        select *, 1 as place, null as of_item, null as pieces, null::double as amount
        from judged
        where is_first and is_given_back
        union all
        select *, 1 as place, item_id as of_item, nullif(refunded_quantity, 0)::bigint::varchar as pieces,
            case when line_refund > 0 then least(line_refund, "value") end as amount
        from judged
        where not is_given_back and (refunded_quantity > 0 or line_refund > 0)
        union all
        select *, 2 as place, null as of_item, null as pieces, round(left_to_refund, 4) as amount
        from judged
        where is_first and not is_given_back and not names_pieces and left_to_refund > 0.004
    ),
    told as (
        -- A later export tells orders and their refunds again, as they are by then: under one id the newest counts, and
        -- nothing is added up. Lines are numbered within their item, so that their order does not matter.
        select *, 0 as place, concat_ws(' ', 'line of', order_id, md5(item_id)) as event_id, 'purchase' as event_name
        from judged
        union all by name
        select
            * exclude (of_item, pieces, amount) replace (
                of_item as item_id, pieces as quantity, null as price, amount as "value",
                coalesce(refunded_at, ordered_at) as ordered_at, null as title
            ),
            concat_ws(' ', 'refund of', order_id, md5(of_item)) as event_id,
            'refund' as event_name
        from refunds
        where not order_not_paid and not part_of_another_line
    )
    select * replace (price::varchar as price), ordered_at as event_timestamp from told order by row, place
"""
