"""Turns tracked calls into canonical events, whichever tool tracked them: names, lists of products, money, identities.

A tool's own module says where a call keeps its name, ids and times, and which of its names are its own technical ones.
What the properties of a call are called is much the same everywhere: by the e-commerce spec of Segment, or by GA4's.

Money of an order, whose lines are its products:

- ``revenue`` (or ``subtotal``, where that is less) is what the order brought after discount, before postage and tax;
  without both, it is the lines less ``discount``, or ``total`` less ``shipping`` and ``tax``. Where the lines less
  ``discount`` are what ``total`` leaves without ``shipping`` and ``tax``, they are, whatever ``revenue`` says.
- Where that is less than the lines, it is spread over them into ``value``. More than the lines is postage or tax that
  some shops count in, and the lines stand. Lines without a price share what the priced ones leave, by pieces.
- A refund names products, or else it is of the order: by its amount where one is given, else whole. A cancelled order
  is given back whole. Of an order that was updated, the newest call of the file counts.

``identify`` and its like become events that carry both ids, which is what links a device with a shopper. A call that
may merge two shoppers keeps the other one's id as ``previous_user_id`` of its properties.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.events import EVENT_NAMES
from shopsight.ingestion.formats.amounts import spread
from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.orders import moment
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.validation.rules import ITEM_EVENTS

WORDS: Final = {name.replace("_", " "): name for name in EVENT_NAMES} | {
    "product list viewed": "view_item_list",
    "product list filtered": "view_item_list",
    "product clicked": "select_item",
    "product viewed": "view_item",
    "viewed product": "view_item",
    "product details viewed": "view_item",
    "products searched": "search",
    "search performed": "search",
    "view search results": "search",
    "product added": "add_to_cart",
    "product added to cart": "add_to_cart",
    "added to cart": "add_to_cart",
    "wishlist product added to cart": "add_to_cart",
    "product removed": "remove_from_cart",
    "product removed from cart": "remove_from_cart",
    "removed from cart": "remove_from_cart",
    "product added to wishlist": "add_to_wishlist",
    "cart viewed": "view_cart",
    "checkout started": "begin_checkout",
    "order completed": "purchase",
    "order placed": "purchase",
    "order updated": "purchase",
    "purchase completed": "purchase",
    "product purchased": "purchase",
    "order refunded": "refund",
    "order cancelled": "refund",
    "order canceled": "refund",
    "promotion viewed": "view_promotion",
    "promotion clicked": "select_promotion",
    "product reviewed": "rate_item",
    "page viewed": "page_view",
    "screen viewed": "page_view",
    "screen view": "page_view",
}
"""Names by which tools and their e-commerce guides call events, in small letters with single blanks."""
CANCELLED: Final = ("order cancelled", "order canceled")
UPDATED: Final = "order updated"

PRODUCT: Final = {
    "item": ("product_id", "productId", "item_id", "sku", "id", "$productId", "variant_id"),
    "title": ("name", "product_name", "productName", "item_name", "title"),
    "price": ("price", "$price", "unit_price", "unitPrice", "item_price"),
    "quantity": ("quantity", "$quantity", "qty"),
    "brand": ("brand", "item_brand"),
    "category": ("category", "item_category"),
    "position": ("position", "index"),
}
"""What a product says, and the keys it may have; of equal ones the first that is filled counts."""
CALL: Final = {
    "order_id": ("order_id", "orderId", "transaction_id", "transactionId", "order_number", "order"),
    "currency": ("currency", "currency_code", "$currency"),
    "revenue": ("revenue", "$revenue", "value", "amount"),
    "subtotal": ("subtotal",),
    "total": ("total",),
    "discount": ("discount",),
    "shipping": ("shipping",),
    "tax": ("tax",),
    "query": ("query", "search_query", "search_term", "keyword"),
    "rating": ("rating",),
    "review": ("review_body", "review"),
    "list_id": ("list_id", "item_list_id", "item_list_name"),
    "promotion_id": ("promotion_id",),
    "own_session": ("session_id",),
    "previous_user_id": ("previous_user_id",),
}
LISTS: Final = ("products", "items", "$products", "cart", "contents")
"""Keys under which a call may keep its products, as a list or as the text of one."""
_PAIRS: Final = ", ".join(f"'{said}': '{name}'" for said, name in WORDS.items())
_LISTED: Final = "coalesce(" + ", ".join(f"properties::JSON ->> '$.\"{key}\"'" for key in LISTS) + ")"


def _structure(fields: dict[str, tuple[str, ...]]) -> str:
    return orjson.dumps({key: "varchar" for keys in fields.values() for key in keys}).decode()


def _first(place: str, keys: tuple[str, ...]) -> str:
    """Return SQL for the first filled one of some keys."""
    filled = [f"nullif(trim({place}.\"{key}\"), '')" for key in keys]
    return f"coalesce({', '.join(filled)}, null)"


def _amount(column: str) -> str:
    return f"try_cast({column} as double)"


def word(column: str) -> str:
    """Return SQL that spells an event's name as the keys of :data:`WORDS` are."""
    return rf"trim(regexp_replace(lower({column}), '[\s_\-:.$\[\]]+', ' ', 'g'))"


def call_query(calls: str, lines: str = "true") -> str:
    """Return a query for :func:`read_calls`, which gives a row per call and product.

    Args:
        calls: SQL over ``objects`` that gives ``row``; ``place``, the call's place in its line; ``name``; ``event_id``,
            ``event_timestamp``, ``created_timestamp``, ``user_id``, ``anonymous_id``, ``session_id``, ``campaign_id``,
            ``channel``, ``device``, ``country``, ``platform``; and ``properties``, JSON or the text of it.
        lines: SQL over ``line`` that says which objects are read.
    """
    return f"""
        with objects as (select * from temp.main.objects where {lines}),
        calls as materialized ({calls}),
        read as (
            select
                *,
                {word("name")} as word,
                coalesce(map {{{_PAIRS}}}[{word("name")}], name) as event_name,
                json_transform(properties::JSON, '{_structure(CALL)}') as said,
                json_transform(properties::JSON, '{_structure(PRODUCT)}') as alone,
                {_LISTED} as listed
            from calls
        ),
        with_products as (
            select
                *,
                case when word in {CANCELLED} or not json_valid(listed) then null
                     else json_transform(listed::JSON, '[{_structure(PRODUCT)}]') end as products
            from read
        ),
        exploded as (
            select
                *,
                unnest(case when len(products) > 0 then products else [null] end) as product,
                coalesce(len(products), 0) > 0 as is_listed,
                unnest(range(greatest(coalesce(len(products), 0), 1))) as line_number
            from with_products
        )
        select
            row,
            row_number() over (partition by row order by place, line_number) - 1 as part,
            dense_rank() over (order by row, place) as call,
            line_number,
            word,
            event_id,
            event_name,
            {moment("event_timestamp")} as event_timestamp,
            {moment("created_timestamp")} as created_timestamp,
            user_id,
            anonymous_id,
            coalesce(session_id, {_first("said", CALL["own_session"])}) as session_id,
            case
                when word in {CANCELLED} then null
                when is_listed
                    then coalesce({_first("product", PRODUCT["item"])}, {_first("product", PRODUCT["title"])})
                when event_name in {ITEM_EVENTS}
                    then coalesce({_first("alone", PRODUCT["item"])}, {_first("alone", PRODUCT["title"])})
                else {_first("alone", ("product_id", "productId", "item_id", "sku"))}
            end as item_id,
            coalesce({_first("product", PRODUCT["quantity"])}, {_first("alone", PRODUCT["quantity"])}) as quantity,
            coalesce({_first("product", PRODUCT["price"])}, {_first("alone", PRODUCT["price"])}) as price,
            {_first("said", CALL["currency"])} as currency,
            {_first("said", CALL["order_id"])} as order_id,
            {_first("said", CALL["list_id"])} as list_id,
            coalesce({_first("product", PRODUCT["position"])}, {_first("alone", PRODUCT["position"])}) as list_position,
            {_first("said", CALL["query"])} as query,
            {_first("said", CALL["review"])} as "text",
            coalesce({_first("said", CALL["promotion_id"])}, campaign_id) as campaign_id,
            channel,
            device,
            country,
            platform,
            case
                when word = 'identify' and {_first("said", CALL["previous_user_id"])} is not null
                    then json_object('previous_user_id', {_first("said", CALL["previous_user_id"])})::varchar
            end as properties,
            coalesce({_first("product", PRODUCT["category"])}, {_first("alone", PRODUCT["category"])}) as category,
            coalesce({_first("product", PRODUCT["brand"])}, {_first("alone", PRODUCT["brand"])}) as brand,
            coalesce({_first("product", PRODUCT["title"])}, {_first("alone", PRODUCT["title"])}) as title,
            {_amount(_first("said", CALL["rating"]))} as rating,
            {_amount(_first("said", CALL["revenue"]))} as revenue,
            {_amount(_first("said", CALL["subtotal"]))} as subtotal,
            {_amount(_first("said", CALL["total"]))} as total,
            {_amount(_first("said", CALL["discount"]))} as discount,
            {_amount(_first("said", CALL["shipping"]))} as shipping,
            {_amount(_first("said", CALL["tax"]))} as tax
        from exploded
    """


HALF_A_CENT: Final = 0.005
"""Amounts that are closer than this are the same."""
OF_THE_CALL: Final = ("call", "word", "rating", "revenue", "subtotal", "total", "discount", "shipping", "tax")
"""Columns of a query's answer that are no columns of an event."""


def read_calls(
    read: Callable[[str], Iterator[RawChunk]],
    calls: str,
    *,
    technical: frozenset[str],
    file_name: str,
    per_actor: tuple[str, ...] = (),
) -> Iterator[RawChunk]:
    """Yield a row per call and product in canonical columns, then the items.

    Args:
        read: reads the source by a query over ``objects``, from its beginning each time it is called.
        calls: as :func:`call_query` takes it.
        technical: names of calls that the tool sends by itself and that say nothing here: left out by design.
        file_name: of the chunk of items.
        per_actor: columns whose ids are unique only within a person.
    """
    catalogue = Catalogue()
    newest = _newest_updates(read, calls)
    left_out_names = pa.array(sorted(technical), pa.string())
    for chunk in read(call_query(calls)):
        rows = _with_money(chunk.rows)
        is_old = _is_superseded(rows, newest)
        catalogue.note(rows.filter(pa.array(~is_old)))
        left_out = pc.is_in(rows["event_name"], value_set=left_out_names).to_numpy() | is_old
        yield replace(
            chunk,
            rows=rows.drop_columns([*OF_THE_CALL, "title"]),
            arrived_when_happened=True,
            refused={"order_updated_later": is_old},
            left_out=left_out,
            per_actor=per_actor,
        )
    yield catalogue.chunk(file_name)


def _newest_updates(read: Callable[[str], Iterator[RawChunk]], calls: str) -> dict[str, str]:
    """Return the time of the newest update of each order that was updated."""
    updates = f"""
        select row, order_id, event_timestamp as stamp
        from ({call_query(calls, lines="contains(lower(line), 'updated')")})
        where word = '{UPDATED}' and line_number = 0
    """
    newest: dict[str, str] = {}
    for chunk in read(updates):
        for order, stamp in zip(chunk.rows["order_id"].to_pylist(), chunk.rows["stamp"].to_pylist(), strict=True):
            if order and stamp:
                newest[order] = max(stamp, newest.get(order, ""))
    return newest


def _is_superseded(rows: pa.Table, newest: dict[str, str]) -> NDArray[np.bool_]:
    """Return which rows are of a purchase that a later call of the file says anew."""
    if not newest:
        return np.zeros(rows.num_rows, dtype=np.bool_)
    columns = [rows[name].to_pylist() for name in ("event_name", "order_id", "event_timestamp")]
    return np.array(
        [
            name == "purchase" and (stamp or "") < newest.get(order, "")
            for name, order, stamp in zip(*columns, strict=True)
        ],
        dtype=np.bool_,
    )


def _with_money(rows: pa.Table) -> pa.Table:
    """Add ``value``: a purchase line's revenue where the order says it, a refund's amount, or a rating."""
    names = rows["event_name"]
    amounts = {name: numbers(rows[name]) for name in ("revenue", "subtotal", "total", "discount", "shipping", "tax")}
    price, pieces = numbers(rows["price"]), np.nan_to_num(numbers(rows["quantity"]), nan=1.0)
    brought = value_of_lines(price * pieces, pieces, rows["call"].to_numpy(), amounts)
    given_back = np.abs(np.where(np.isnan(amounts["revenue"]), amounts["total"], amounts["revenue"]))
    is_whole = pc.is_in(rows["word"], value_set=pa.array(CANCELLED))
    of_order = pc.and_(pc.and_(pc.equal(names, "refund"), pc.is_null(rows["item_id"])), pc.invert(is_whole))
    value = np.where(_mask(pc.equal(names, "purchase")), brought, np.nan)
    value = np.where(_mask(of_order), given_back, value)
    value = np.where(_mask(pc.equal(names, "rate_item")), numbers(rows["rating"]), value)
    return rows.append_column("value", pa.array(value, from_pandas=True))


def _mask(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).to_numpy(), dtype=np.bool_)


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return text or numbers as numbers, NaN where there is none: validation tells by name what is no number."""
    if pa.types.is_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        is_number = pc.match_substring_regex(text, r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$")
        column = pc.if_else(is_number, text, pa.scalar(None, pa.string()))
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)


def value_of_lines(
    lines: NDArray[np.float64],
    pieces: NDArray[np.float64],
    order: NDArray[np.int64],
    said: Mapping[str, NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return what each line brought after the order's discount; NaN where price by pieces says it already.

    Args:
        lines: price by pieces of each line; NaN where it has no price.
        pieces: of each line.
        order: which order each line belongs to.
        said: ``revenue``, ``subtotal``, ``total``, ``discount``, ``shipping`` and ``tax`` of the order, on each of its
            lines; NaN where it says none.
    """
    if not len(lines):
        return lines
    _, order = np.unique(order, return_inverse=True)
    is_bare = np.isnan(lines)
    priced = np.bincount(order, np.nan_to_num(lines))[order]
    bare_pieces = np.bincount(order, np.where(is_bare, pieces, 0.0))[order]
    is_priced = bare_pieces == 0
    discount = np.abs(said["discount"])
    besides = np.nan_to_num(said["shipping"]) + np.nan_to_num(said["tax"])
    # Tools write 0 where nobody told them an amount; for nothing is only what a discount makes so.
    revenue, total = (
        np.where((said[name] == 0) & np.isnan(discount), np.nan, said[name]) for name in ("revenue", "total")
    )
    brought = np.fmin(revenue, said["subtotal"])
    brought = np.where(np.isnan(brought) & (discount > 0) & is_priced, priced - discount, brought)
    brought = np.where(np.isnan(brought), total - besides, brought)
    is_paid = np.abs(total - besides - (priced - discount)) < HALF_A_CENT
    brought = np.maximum(np.where(is_paid & is_priced, priced - discount, brought), 0.0)
    left = np.maximum(brought + np.nan_to_num(discount) - priced, 0.0)
    weights = np.where(is_bare, left * pieces / np.where(is_priced, 1.0, bare_pieces), lines)
    applies = ~is_priced | (brought < priced - HALF_A_CENT)
    return spread(np.where(applies, brought, np.nan), weights, order)
