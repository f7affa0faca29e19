"""Reads Magento's (Adobe Commerce's) orders: the tables of its database as files, or its REST API's JSON.

A row of ``sales_order_item`` is a line; ``sales_order`` beside it in a folder adds customer, state and currency. A
configurable product and its variant, and a bundle and its parts, are one thing bought: the parent's line counts, with
the money of its parts where it has none of its own. Amounts are in the order's currency; only where they are given in
the shop's base currency alone, they are in that.

State: ``canceled`` and ``closed`` are given back whole; ``pending_payment`` and ``payment_review`` were never paid and
are left out; all others stand. Times are UTC, as Magento stores them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shopsight.ingestion.formats.orders import GIVEN_BACK, NOT_PAID, moment, number
from shopsight.ingestion.formats.shop_exports import NestedOrders, ShopTable, read_shop
from shopsight.ingestion.readers.chunks import RawChunk

OF_ORDERS: Final = {
    "state": ("state", "order state"),
    "status": ("status", "order status"),
    "customer": ("customer id",),
    "email": ("customer email", "email"),
    "currency": ("order currency code", "order currency", "currency"),
    "base_currency": ("base currency code", "base currency"),
    "refunded": ("total refunded",),
}
LINE: Final = {
    "order_number": ("order increment id", "increment id", "order number", "order id"),
    "line": ("item id",),
    "parent": ("parent item id",),
    "created_at": ("created at", "order date", "order created at", "purchase date"),
    "sku": ("sku",),
    "title": ("name", "product name", "item name"),
    "quantity": ("qty ordered", "quantity ordered", "qty", "quantity"),
    "quantity_refunded": ("qty refunded",),
    "quantity_canceled": ("qty canceled",),
    "price": ("price",),
    "row_total": ("row total",),
    "discount": ("discount amount",),
    "amount_refunded": ("amount refunded",),
    "discount_refunded": ("discount refunded",),
    "base_price": ("base price",),
    "base_row_total": ("base row total",),
    "base_discount": ("base discount amount",),
    "base_amount_refunded": ("base amount refunded",),
    "base_discount_refunded": ("base discount refunded",),
    **OF_ORDERS,
}
HEAD: Final = {
    "order_number": ("increment id",),
    "entity": ("entity id",),
    "created_at": ("created at",),
    **OF_ORDERS,
}
ORDER_FIELDS: Final = (
    "increment_id", "created_at", "state", "status", "customer_id", "customer_email", "order_currency_code",
    "base_currency_code", "total_refunded",
)  # fmt: skip
LINE_FIELDS: Final = (
    "item_id", "parent_item_id", "sku", "name", "qty_ordered", "qty_refunded", "qty_canceled", "price", "row_total",
    "discount_amount", "amount_refunded", "discount_refunded", "base_price", "base_row_total", "base_discount_amount",
    "base_amount_refunded", "base_discount_refunded",
)  # fmt: skip


def _structure(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}": "varchar"' for name in names)


def _field(words: tuple[str, ...]) -> str:
    """Return SQL for a column of the lines, from the order or the line whose key is spelled as its header is."""
    keys = [word.replace(" ", "_") for word in words]
    places = [f"item.{key}" for key in keys if key in LINE_FIELDS]
    places += [f"fields.{key}" for key in keys if key in ORDER_FIELDS]
    return f"coalesce({', '.join(f'nullif({place}, {QUOTED_NOTHING})' for place in places)}, null)"


QUOTED_NOTHING: Final = "''"
OBJECTS_QUERY: Final = f"""
    with orders as (
        select
            row,
            json_transform(line, '{{{_structure(ORDER_FIELDS)}, "items": [{{{_structure(LINE_FIELDS)}}}]}}') as fields
        from objects
    ),
    exploded as (
        select
            row,
            fields,
            unnest(case when len(fields.items) > 0 then fields.items else [null] end) as item,
            unnest(range(greatest(coalesce(len(fields.items), 0), 1))) as part
        from orders
    )
    select row, part, {", ".join(f"{_field(words)} as {name}" for name, words in LINE.items())}
    from exploded
"""


def _money(name: str) -> str:
    """Return SQL for an amount in the order's currency, or else in the base currency where all amounts are."""
    return f"if(is_base, {number(f'base_{name}')}, {number(name)})"


LINES_QUERY: Final = f"""
    with amounts as (
        select
            * exclude (quantity, price, discount, refunded),
            price is null and row_total is null and coalesce(base_row_total, base_price) is not null as is_base,
            {number("quantity")} as pieces,
            {_money("price")} as unit_price,
            coalesce({_money("row_total")}, pieces * unit_price) as total,
            coalesce(abs({_money("discount")}), 0) as taken_off,
            coalesce(abs({_money("amount_refunded")}), 0) as given_back,
            abs({_money("discount_refunded")}) as taken_off_again,
            coalesce({number("quantity_refunded")}, 0) as pieces_back,
            coalesce({number("quantity_canceled")}, 0) as pieces_canceled,
            {number("refunded")} as refunded_total
        from native
    ),
    parts as (
        select
            order_number, parent, sum(total) as total, sum(taken_off) as taken_off, sum(given_back) as given_back,
            sum(taken_off_again) as taken_off_again
        from amounts
        where parent is not null
        group by order_number, parent
    ),
    lines as (
        select
            lines.* replace (
                if(coalesce(lines.total, 0) = 0, coalesce(parts.total, lines.total), lines.total) as total,
                if(lines.taken_off = 0, coalesce(parts.taken_off, 0), lines.taken_off) as taken_off,
                if(lines.given_back = 0, coalesce(parts.given_back, 0), lines.given_back) as given_back,
                coalesce(nullif(lines.taken_off_again, 0), parts.taken_off_again) as taken_off_again
            ),
            parents.line is not null as is_part
        from amounts as lines
        left join parts on lines.order_number = parts.order_number and lines.line = parts.parent
        left join amounts as parents on lines.order_number = parents.order_number and lines.parent = parents.line
    )
    select
        row,
        order_number as order_id,
        {moment("created_at")} as ordered_at,
        coalesce(nullif(regexp_replace(customer, '\\.0+$', ''), '0'), lower(email)) as user_id,
        if(is_base, base_currency, coalesce(currency, base_currency)) as currency,
        case
            when lower(coalesce(state, status)) in ('canceled', 'cancelled', 'closed') then '{GIVEN_BACK}'
            when lower(coalesce(state, status)) in ('pending_payment', 'payment_review') then '{NOT_PAID}'
            else lower(coalesce(state, status))
        end as state,
        refunded_total as refunded,
        is_part,
        coalesce(sku, title) as item_id,
        title,
        pieces as quantity,
        coalesce(nullif(unit_price, 0), total / nullif(pieces, 0)) as price,
        total - taken_off as line_revenue,
        -- Pieces that were cancelled were never sent: their money is given back as that of returned ones is.
        nullif(
            given_back - coalesce(taken_off_again, taken_off * pieces_back / nullif(pieces, 0), 0)
            + coalesce((total - taken_off) * pieces_canceled / nullif(pieces, 0), 0),
            0
        ) as line_refund,
        pieces_back + pieces_canceled as refunded_quantity
    from lines
"""
PRODUCT: Final = {
    "sku": ("sku",),
    "title": ("name",),
    "kind": ("product type", "type"),
    "description": ("short description", "description"),
    "categories": ("categories",),
    "price": ("price",),
    "image": ("base image", "image"),
    "store": ("store view code",),
}
PRODUCTS_QUERY: Final = f"""
    select
        sku as item_id,
        title,
        description,
        replace(split_part(categories, ',', -1), '/', ' > ') as category,
        {number("price")}::varchar as price,
        image as image_url,
        -- A row of another store view repeats the product in another language.
        store is not null and lower(store) <> 'default' as is_none
    from native
    order by row
"""
CUSTOMER: Final = {
    "id": ("entity id", "customer id", "id"),
    "email": ("email",),
    "group": ("group id", "website", "group"),
    "country": ("country", "country id", "address country id"),
}
CUSTOMERS_QUERY: Final = "select coalesce(id, lower(email)) as user_id, country from native order by row"
TABLES: Final = (
    ShopTable(
        table="events",
        columns=LINE,
        known_by=("order_number", "sku", "quantity", "created_at"),
        query=LINES_QUERY,
        key="order_number",
        amounts=("price", "row_total", "discount", "amount_refunded", "discount_refunded", "refunded"),
    ),
    ShopTable(
        table="events", columns=HEAD, known_by=("order_number", "entity", "created_at"), query="", key="order_number",
        is_lookup=True,
    ),
    ShopTable(table="items", columns=PRODUCT, known_by=("sku", "title", "kind"), query=PRODUCTS_QUERY, key="sku"),
    ShopTable(table="users", columns=CUSTOMER, known_by=("email", "group"), query=CUSTOMERS_QUERY, key="email"),
)  # fmt: skip
NESTED: Final = NestedOrders(within="items", lists=("items", "orders"), query=OBJECTS_QUERY)


def read_magento(path: Path) -> Iterator[RawChunk]:
    """Yield products and customers, then the purchases and refunds of the orders, then the items that orders name.

    Args:
        path: lines of orders, orders in JSON, products or customers, or a folder of them with ``sales_order``.

    Raises:
        SourceFileError: a file cannot be read, its header is none of the known ones, or orders lack their lines.
    """
    yield from read_shop(path, TABLES, NESTED)
