"""What a line of an order is only known for with the other lines: its share of the order's money, and if it counts."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.identity import ID_COLUMNS, clean_ids
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.mapping import Mapping
from shopsight.ingestion.readers.chunks import RawChunk

REFUND_PART: Final = 1_000_000
"""Place in its line of a refund that the line tells of beside the purchase, beyond every place in an array."""
NEEDED: Final = (
    "event_name", "event_timestamp", "user_id", "anonymous_id", "order_id", "item_id", "line_number", "quantity",
    "price", "value", "order_total", "order_discount", "order_refund", "is_wanted", "part_of", "line_id",
)  # fmt: skip
REASONS: Final = {
    "is_part": "part_of_another_line",
    "parts_differ": "money_of_parts_unclear",
    "money_differs": "money_of_order_unclear",
}
"""Reasons of :data:`IMPORTER_REASONS` by the fact that is behind them."""


class WholeOrders:
    """Facts about every row of a file that need the whole order, by the row's place in the file."""

    def __init__(self, chunks: Iterable[RawChunk], mapping: Mapping) -> None:
        """Read a file once, and keep some thirty bytes a row.

        Args:
            chunks: its rows, as the mapping translates each on its own.
            mapping: says which ids are unique only within a shopper.
        """
        self._next = 0
        is_per_actor = "order_id" in mapping.unique_per_actor
        with utc_connection() as connection:
            tables = [_needed(chunk.rows) for chunk in chunks]
            rows = pa.concat_tables(tables) if tables else _needed(pa.table({}))
            connection.register("lines", rows.append_column("row", pa.array(np.arange(rows.num_rows))))
            self._facts = connection.sql(_query(is_per_actor=is_per_actor)).to_arrow_table().combine_chunks()

    def completed(self, chunk: RawChunk) -> RawChunk:
        """Return the next chunk of the same file with the values that its orders give, and unclear rows refused."""
        facts = self._facts.slice(self._next, chunk.rows.num_rows)
        self._next += chunk.rows.num_rows
        rows = chunk.rows
        for name, column in (("value", facts["value"]), ("order_refund", facts["refund"])):
            place = rows.schema.get_field_index(name)
            rows = rows.append_column(name, column) if place < 0 else rows.set_column(place, name, column)
        refused = {reason: np.asarray(facts[fact].to_numpy(), dtype=np.bool_) for fact, reason in REASONS.items()}
        return replace(chunk, rows=rows, refused={**chunk.refused, **_any(refused)})


def without_lines_that_do_not_count(chunk: RawChunk) -> RawChunk:
    """Return a chunk in which rows that the mapping leaves out are refused, and counted as left out by design."""
    refused = dict(chunk.refused)
    if "is_wanted" in chunk.rows.column_names:
        refused |= _any({"left_out_by_mapping": ~np.asarray(chunk.rows["is_wanted"].to_numpy(), dtype=np.bool_)})
    masks = [refused[reason] for reason in ("left_out_by_mapping", "part_of_another_line") if reason in refused]
    return replace(chunk, refused=refused, left_out=np.logical_or.reduce(masks) if masks else None)


def refunds_of(chunk: RawChunk) -> RawChunk | None:
    """Return the refunds that lines tell of beside what was bought, or None where there is none."""
    refunds = [
        _refunds(chunk, column) for column in ("order_refund", "line_refund") if column in chunk.rows.column_names
    ]
    indices = np.concatenate([index for index, _ in refunds]) if refunds else np.array([], dtype=np.int64)
    if not len(indices):
        return None

    def raw(some: NDArray[np.int64]) -> list[bytes]:
        return chunk.raw(indices[some])

    own = chunk.parts[indices] if chunk.parts is not None else 0
    kinds = np.repeat(np.arange(len(refunds)), [len(index) for index, _ in refunds])
    return replace(
        chunk,
        rows=pa.concat_tables([rows for _, rows in refunds]),
        lines=chunk.lines[indices],
        parts=own + REFUND_PART * (1 + kinds),
        raw=raw,
        refused={},
        left_out=None,
        broken=(),
    )


def _refunds(chunk: RawChunk, column: str) -> tuple[NDArray[np.int64], pa.Table]:
    """Return the rows that tell of a refund in a column, and a refund event for each."""
    texts = pc.ascii_trim_whitespace(chunk.rows[column].cast(pa.string()))
    is_refund = pc.fill_null(pc.invert(pc.match_substring_regex(texts, r"^[+-]?[0.]*$")), False).to_numpy()
    is_refund = is_refund & pc.fill_null(pc.equal(chunk.rows["event_name"], "purchase"), False).to_numpy()
    if chunk.refused:
        is_refund &= ~np.logical_or.reduce(list(chunk.refused.values()))
    indices = np.flatnonzero(is_refund)
    rows = chunk.rows.take(pa.array(indices))
    given = {
        "event_name": pa.repeat("refund", len(indices)),
        "value": pc.utf8_ltrim(texts.take(pa.array(indices)), characters="-+"),
        "quantity": pa.nulls(len(indices), pa.string()),
        "price": pa.nulls(len(indices), pa.string()),
    }
    if "refunded_at" in rows.column_names:
        at = rows["refunded_at"]
        given["event_timestamp"] = pc.if_else(pc.equal(pc.fill_null(at, ""), ""), rows["event_timestamp"], at)
    if "event_id" in rows.column_names:  # the purchase has it, and is another event
        given["event_id"] = pc.binary_join_element_wise(rows["event_id"].cast(pa.string()), column, " ")
    elif column == "order_refund":  # a later file may say a higher sum, which does not add to this one
        orders = clean_ids(rows["order_id"].cast(pa.string()), "order_id")
        given["event_id"] = pc.binary_join_element_wise("refund of", orders, " ")
    if column == "order_refund":
        given["item_id"] = pa.nulls(len(indices), pa.string())
    for name, values in given.items():
        place = rows.schema.get_field_index(name)
        rows = rows.append_column(name, values) if place < 0 else rows.set_column(place, name, values)
    return indices, rows


def _needed(rows: pa.Table) -> pa.Table:
    """Return the columns of a chunk that say something of its orders, all as text, and ids in their one spelling."""
    columns = {}
    for name in NEEDED:
        there = name in rows.column_names
        text = rows[name].cast(pa.string()) if there else pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
        columns[name] = clean_ids(text, name) if there and name in ID_COLUMNS else text
    return pa.table(columns)


def _any(masks: dict[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    return {reason: mask for reason, mask in masks.items() if mask.any()}


def _query(*, is_per_actor: bool) -> str:
    """Return a query over ``lines`` that answers the facts about each row, in the order of the rows.

    An order's money is dealt out by what the lines up to each one cost, rounded to cents: so the shares add up to it
    to the cent, whatever each rounds to. Lines that cost nothing known get it by pieces.

    A line that is told again, as the warehouse has it (equal at one moment, or at a later one), takes no share: it gets
    what the line got.
    """
    person = "coalesce(user_id, anonymous_id, '')" if is_per_actor else "''"
    return f"""
        with numbers as (
            select row, order_id, {person} as person, item_id, line_number,
                coalesce(try_cast(event_timestamp as timestamptz)::varchar, event_timestamp) as told_at,
                nullif(trim(part_of), '') as part_of, trim(line_id) as line_id, value as given_value,
                {_decimal("value")} as value, {_decimal("price")} * coalesce({_decimal("quantity")}, 1) as cost,
                greatest(coalesce({_decimal("quantity")}, 1), 0) as pieces,
                {_decimal("order_total")} as total, abs({_decimal("order_discount")}) as discount,
                abs({_decimal("order_refund")}) as refund,
                {_is_odd("order_total")} or {_is_odd("order_discount")} or {_is_odd("order_refund")} as is_odd,
                coalesce(event_name = 'purchase' and coalesce(is_wanted, 'true') = 'true'
                    and order_id is not null, false) as is_bought
            from lines
        ),
        reports as (
            select *, told_at is not distinct from min(told_at) over line as is_first_report,
                first_value(row) over (line order by told_at, row) as first_row,
                first_value(row) over (
                    partition by is_bought, person, order_id, item_id, line_number, part_of, told_at, pieces, cost,
                        value
                    order by row
                ) as first_equal_row
            from numbers
            window line as (partition by is_bought, person, order_id, item_id, line_number, part_of)
        ),
        twins as (
            select *, case when not is_bought or item_id is null then row when is_first_report then first_equal_row
                else first_row end as twin
            from reports
        ),
        families as (
            select *, coalesce(value, cost) as amount,
                if(is_bought, (person, order_id, coalesce(part_of, line_id)), null) as family,
                coalesce(part_of <> line_id, false) as is_below
            from twins
            where twin = row
        ),
        judged as (
            select *,
                bool_or(is_below) over family and bool_or(not is_below) over family as has_parts,
                coalesce(sum(amount) filter (where is_below) over family, 0) as of_parts,
                coalesce(sum(amount) filter (where not is_below) over family, 0) as of_whole
            from families window family as (partition by family)
        ),
        told_apart as (
            select *, is_bought and family is not null and has_parts as is_related,
                of_parts <> 0 and (of_whole = 0 or of_whole = of_parts) as parts_count
            from judged
        ),
        counted as (
            select *, is_related and is_below <> parts_count
                    and not (of_parts <> 0 and of_whole <> 0 and of_parts <> of_whole) as is_part,
                is_related and of_parts <> 0 and of_whole <> 0 and of_parts <> of_whole as parts_differ
            from told_apart
        ),
        lines_that_count as (
            select *, is_bought and not is_part and not parts_differ as counts from counted
        ),
        ordered as (
            select *, sum(if(counts, amount, null)) over whole as cost_of_order,
                max(total) over whole as order_total, max(discount) over whole as order_discount,
                max(refund) over whole as order_refund,
                bool_or(is_odd) over whole or min(total) over whole <> max(total) over whole
                    or min(discount) over whole <> max(discount) over whole
                    or min(refund) over whole <> max(refund) over whole as is_unclear,
                first_value(row) over (partition by person, order_id, counts order by row) = row and counts as is_first
            from lines_that_count window whole as (partition by is_bought, person, order_id)
        ),
        weighed as (
            select *, coalesce(order_total, cost_of_order - order_discount) as target,
                if(counts, if(coalesce(cost_of_order, 0) > 0, coalesce(amount, 0), pieces), 0) as weight
            from ordered
        ),
        summed as (
            select *, sum(weight) over (partition by is_bought, person, order_id) as all_weight,
                sum(weight) over (partition by is_bought, person, order_id order by row) as weight_up_to
            from weighed
        ),
        shared as (select row,
            case when counts and target is not null and all_weight > 0 then
                (if(weight_up_to = all_weight, target, {_share("weight_up_to")})
                - if(weight_up_to - weight = all_weight, target, {_share("weight_up_to - weight")}))::varchar
                else given_value end as value,
            if(is_first, order_refund::varchar, null) as refund,
            is_part, parts_differ,
            counts and (coalesce(is_unclear, false) or coalesce(target < 0, false)) as money_differs
            from summed
        )
        select shared.value, if(twins.row = shared.row, shared.refund, null) as refund,
            shared.is_part, shared.parts_differ, shared.money_differs
        from twins inner join shared on twins.twin = shared.row
        order by twins.row
    """


def _decimal(column: str) -> str:
    return f"try_cast({column} as decimal(18, 4))"


def _is_odd(column: str) -> str:
    return f"(nullif(trim({column}), '') is not null and {_decimal(column)} is null)"


def _share(weight: str) -> str:
    """Return SQL for the part of the order's money that falls on lines of this weight, in whole cents."""
    return f"round(target::double * ({weight})::double / all_weight::double, 2)::decimal(18, 4)"
