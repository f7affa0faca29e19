"""Reads what Shopify's admin exports as CSV: orders, products and customers, each told by its header.

Order fields stand on the first line of an order only. The shopper is the e-mail address (or else the phone number),
which the log keeps as a pseudonym. Of the discount, what Shopify took off the postage is none of the items'. Cancelled,
voided, expired and refunded orders are given back whole; the export does not say when, so a refund has the time of the
cancellation, or else of the order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shopsight.ingestion.formats.orders import GIVEN_BACK, adds_up, discount_of_items, moment, number
from shopsight.ingestion.formats.shop_exports import ShopTable, read_shop
from shopsight.ingestion.readers.chunks import RawChunk

ORDER: Final = {
    "order_name": ("name", "order name", "order"),
    "created_at": ("created at", "order created at"),
    "email": ("email", "customer email"),
    "phone": ("phone", "billing phone", "shipping phone"),
    "financial_status": ("financial status", "payment status"),
    "cancelled_at": ("cancelled at", "canceled at"),
    "currency": ("currency",),
    "shipping": ("shipping",),
    "taxes": ("taxes", "tax"),
    "total": ("total",),
    "discount": ("discount amount",),
    "refunded": ("refunded amount",),
    "channel": ("source",),
    "shipping_country": ("shipping country", "shipping country code"),
    "billing_country": ("billing country", "billing country code"),
    "sku": ("lineitem sku",),
    "title": ("lineitem name", "lineitem title"),
    "quantity": ("lineitem quantity",),
    "price": ("lineitem price",),
    "line_discount": ("lineitem discount", "lineitem total discount"),
    "vendor": ("vendor", "lineitem vendor"),
}
OTHER_DISCOUNT: Final = f"""case
    when abs(discount - on_lines) < 0.005 then 0
    when {adds_up("items - (discount - on_lines)")} then discount - on_lines
    else discount end"""
"""The order's discount may have those of its lines in it."""
LINES_QUERY: Final = f"""
    with lines as (
        select
            *,
            {number("quantity")} as pieces,
            {number("price")} as unit_price,
            pieces * unit_price - coalesce(abs({number("line_discount")}), 0) as amount
        from native
    ),
    orders as (
        select
            order_name,
            sum(amount) as items,
            sum(abs({number("line_discount")})) as on_lines,
            max({number("discount")}) as discount,
            max({number("total")}) as paid,
            max({number("shipping")}) as postage,
            max({number("taxes")}) as tax
        from lines
        group by order_name
    ),
    discounts as (
        select order_name, {discount_of_items(OTHER_DISCOUNT)} as of_items
        from orders
    )
    select
        row,
        order_name as order_id,
        -- Without the order's first line nothing says what was paid, nor in which currency.
        case when max(coalesce(financial_status, total, currency)) over (partition by order_name) is not null
             then {moment("created_at")} end as ordered_at,
        lower(coalesce(email, phone)) as user_id,
        currency,
        coalesce(shipping_country, billing_country) as country,
        channel,
        case
            when {moment("cancelled_at")} is not null
                or lower(financial_status) in ('voided', 'refunded', 'expired', 'cancelled', 'canceled')
                then '{GIVEN_BACK}'
            else lower(financial_status)
        end as state,
        of_items as order_discount,
        {number("refunded")} as refunded,
        {moment("cancelled_at")} as refunded_at,
        coalesce(ltrim(sku, ''''), title) as item_id,
        title,
        vendor as brand,
        pieces as quantity,
        unit_price as price,
        amount as line_revenue
    from lines
    left join discounts using (order_name)
"""
PRODUCT: Final = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "description": ("body html", "description", "body"),
    "vendor": ("vendor",),
    "category": ("product category", "type", "standard product type"),
    "sku": ("variant sku", "sku"),
    "price": ("variant price", "price"),
    "option_1": ("option1 value",),
    "option_2": ("option2 value",),
    "option_3": ("option3 value",),
    "image": ("image src", "product image url"),
}
PRODUCTS_QUERY: Final = f"""
    with filled as (
        select
            * replace (
                arg_min(title, row) over product as title,
                arg_min(vendor, row) over product as vendor,
                arg_min(category, row) over product as category,
                arg_min(description, row) over product as description,
                arg_min(image, row) over product as image
            )
        from native
        window product as (partition by handle)
    )
    select
        row,
        -- As the orders name an item without a stock keeping unit.
        coalesce(
            ltrim(sku, ''''),
            concat_ws(
                ' - ', title, nullif(concat_ws(' / ', nullif(option_1, 'Default Title'), option_2, option_3), '')
            )
        ) as item_id,
        title,
        trim(regexp_replace(description, '<[^>]*>', ' ', 'g')) as description,
        category,
        vendor as brand,
        {number("price")}::varchar as price,
        image as image_url,
        sku is null and price is null as is_none
    from filled
    order by row
"""
CUSTOMER: Final = {
    "email": ("email",),
    "phone": ("phone", "default address phone"),
    "first_name": ("first name",),
    "last_name": ("last name",),
    "country": ("default address country code", "country code", "country"),
}
CUSTOMERS_QUERY: Final = """
    select lower(coalesce(email, phone)) as user_id, country, email is null and phone is null as is_none from native
"""
TABLES: Final = (
    ShopTable(
        table="events",
        columns=ORDER,
        known_by=("order_name", "created_at", "quantity", "price", "title"),
        query=LINES_QUERY,
        key="order_name",
        amounts=("shipping", "taxes", "total", "discount", "refunded", "price", "line_discount"),
    ),
    ShopTable(
        table="items", columns=PRODUCT, known_by=("handle", "title", "price"), query=PRODUCTS_QUERY, key="handle"
    ),
    ShopTable(
        table="users",
        columns=CUSTOMER,
        known_by=("email", "first_name", "last_name"),
        query=CUSTOMERS_QUERY,
        key="email",
    ),
)


def read_shopify(path: Path) -> Iterator[RawChunk]:
    """Yield products and customers, then the purchases and refunds of the orders, then the items that orders name.

    Args:
        path: an orders, products or customers export, or a folder of them.

    Raises:
        SourceFileError: a file cannot be read, or its header is none of the three.
    """
    yield from read_shop(path, TABLES)
