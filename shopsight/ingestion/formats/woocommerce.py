"""Reads WooCommerce orders: what its REST API gives as JSON, and what the usual plugins export as CSV.

A row of CSV is a line of an order; the order's own fields stand on each of them, or on the first. Of a registered
customer the number is the shopper, of a guest (customer 0) the e-mail address, and without one the order stands for
itself.

Status: ``completed``, ``processing``, ``on-hold`` and a shop's own words are orders that stand; ``refunded`` and
``cancelled`` are given back whole; ``pending``, ``failed``, drafts and the trash were never paid and are left out.
Times without a zone are read as UTC.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shopsight.ingestion.formats.orders import GIVEN_BACK, NOT_PAID, discount_of_items, moment, number
from shopsight.ingestion.formats.shop_exports import NestedOrders, ShopTable, read_shop
from shopsight.ingestion.readers.chunks import RawChunk

ORDER: Final = {
    "order_number": ("order number", "order id", "number", "order", "id", "post id"),
    "ordered": (
        "date created gmt", "order date gmt", "date gmt", "post date gmt", "order date", "date created", "date",
        "post date",
    ),
    "status": ("order status", "status", "post status"),
    "currency": ("order currency", "currency"),
    "customer": ("customer id", "customer user", "customer user id", "user id"),
    "email": ("billing email", "email billing", "customer email", "billing email address", "email"),
    "shipping_country": ("shipping country", "country code shipping", "country shipping"),
    "billing_country": ("billing country", "country code billing", "country billing"),
    "discount": ("cart discount", "cart discount amount", "discount total", "order discount", "discount amount total"),
    "total": ("order total", "order total amount", "total"),
    "shipping": ("order shipping", "order shipping amount", "shipping total", "shipping"),
    "tax": ("order tax", "order total tax amount", "tax total", "total tax", "tax"),
    "refunded": ("order refund amount", "refunded total", "total refunded", "refunded amount", "refund amount"),
    "sku": ("item sku", "sku", "product sku"),
    "product": ("variation id", "item variation id", "item product id", "product id"),
    "title": ("item name", "product name", "name", "line item name"),
    "quantity": ("item quantity", "quantity", "qty", "item qty"),
    "quantity_left": ("quantity refund",),
    "price": ("item cost", "item price", "price", "product price", "unit price"),
    "line_total": ("item total", "line total", "order line total", "item total amount"),
    "line_refund": ("item refunded", "item refund amount", "item refunded amount"),
    "refunded_quantity": ("item refunded qty", "item refunded quantity", "refunded quantity"),
}  # fmt: skip
OBJECTS_QUERY: Final = """
    with orders as (
        select row, json_transform(line, '{
            "id": "varchar", "number": "varchar", "status": "varchar", "currency": "varchar",
            "date_created": "varchar", "date_created_gmt": "varchar", "customer_id": "varchar",
            "discount_total": "varchar", "total": "varchar", "shipping_total": "varchar", "total_tax": "varchar",
            "billing": {"email": "varchar", "country": "varchar"}, "shipping": {"country": "varchar"},
            "refunds": [{"total": "varchar"}],
            "line_items": [{
                "name": "varchar", "product_id": "varchar", "variation_id": "varchar", "quantity": "varchar",
                "total": "varchar", "sku": "varchar", "price": "varchar"
            }]
        }') as fields
        from objects
    ),
    exploded as (
        select
            row,
            fields,
            unnest(case when len(fields.line_items) > 0 then fields.line_items else [null] end) as item,
            unnest(range(greatest(coalesce(len(fields.line_items), 0), 1))) as part
        from orders
    )
    select
        row,
        part,
        coalesce(fields.number, fields.id) as order_number,
        coalesce(fields.date_created_gmt, fields.date_created) as ordered,
        fields.status as status,
        fields.currency as currency,
        fields.customer_id as customer,
        nullif(fields.billing.email, '') as email,
        nullif(fields.shipping.country, '') as shipping_country,
        nullif(fields.billing.country, '') as billing_country,
        fields.discount_total as discount,
        fields.total as total,
        fields.shipping_total as shipping,
        fields.total_tax as tax,
        list_sum(list_transform(fields.refunds, lambda refund: abs(try_cast(refund.total as double))))::varchar
            as refunded,
        nullif(item.sku, '') as sku,
        coalesce(nullif(item.variation_id, '0'), nullif(item.product_id, '0')) as product,
        item.name as title,
        item.quantity as quantity,
        null::varchar as quantity_left,
        item.price as price,
        item.total as line_total,
        null::varchar as line_refund,
        null::varchar as refunded_quantity
    from exploded
"""
LINES_QUERY: Final = f"""
    with lines as (
        select
            *,
            -- "Quantity (- Refund)" is what is left of it: the money of the rest is given back already.
            coalesce({number("quantity")}, {number("quantity_left")}) as pieces,
            quantity is null and quantity_left is not null as is_net,
            {number("price")} as unit_price,
            {number("line_total")} as own_total,
            coalesce(own_total, pieces * unit_price) as amount,
            replace(regexp_replace(lower(status), '^wc-', ''), ' ', '-') as word
        from native
    ),
    orders as (
        select
            order_number,
            sum(amount) as items,
            bool_and(own_total is not null) as has_totals,
            max({number("discount")}) as discount,
            max({number("total")}) as paid,
            max({number("shipping")}) as postage,
            max({number("tax")}) as tax
        from lines
        group by order_number
    ),
    discounts as (
        -- WooCommerce takes a coupon off a line's total, and leaves the unit price as it was.
        select order_number, {discount_of_items("if(has_totals, 0, abs(discount))")} as of_items from orders
    )
    select
        row,
        order_number as order_id,
        {moment("ordered")} as ordered_at,
        coalesce(nullif(regexp_replace(customer, '\\.0+$', ''), '0'), lower(email)) as user_id,
        currency,
        coalesce(shipping_country, billing_country) as country,
        case
            when word in ('refunded', 'cancelled', 'canceled') then '{GIVEN_BACK}'
            when word in ('pending', 'pending-payment', 'failed', 'draft', 'checkout-draft', 'auto-draft', 'trash')
                then '{NOT_PAID}'
            else word
        end as state,
        of_items as order_discount,
        case when not is_net then abs({number("refunded")}) end as refunded,
        coalesce(sku, product, title) as item_id,
        title,
        pieces as quantity,
        coalesce(unit_price, amount / nullif(pieces, 0)) as price,
        amount as line_revenue,
        abs({number("line_refund")}) as line_refund,
        abs({number("refunded_quantity")}) as refunded_quantity
    from lines
    left join discounts using (order_number)
"""
PRODUCT: Final = {
    "id": ("id", "product id"),
    "sku": ("sku",),
    "kind": ("type",),
    "title": ("name", "title", "product name"),
    "description": ("short description", "description"),
    "categories": ("categories", "category"),
    "brand": ("brands", "brand"),
    "price": ("sale price", "price", "regular price"),
    "image": ("images", "image"),
    "regular": ("regular price", "price"),
}
PRODUCTS_QUERY: Final = f"""
    select
        coalesce(sku, id, title) as item_id,
        title,
        description,
        trim(split_part(categories, ',', 1)) as category,
        brand,
        coalesce({number("price")}, {number("regular")})::varchar as price,
        trim(split_part(image, ',', 1)) as image_url
    from native
    order by row
"""
CUSTOMER: Final = {
    "id": ("customer id", "id", "user id"),
    "email": ("email", "user email", "billing email"),
    "username": ("username", "user login", "name"),
    "country": ("country region", "billing country", "country"),
}
CUSTOMERS_QUERY: Final = "select coalesce(nullif(id, '0'), lower(email)) as user_id, country from native order by row"
TABLES: Final = (
    ShopTable(
        table="events",
        columns=ORDER,
        known_by=("order_number", "ordered", "status", "quantity"),
        query=LINES_QUERY,
        key="order_number",
        amounts=("discount", "total", "shipping", "tax", "refunded", "price", "line_total", "line_refund"),
    ),
    ShopTable(
        table="items", columns=PRODUCT, known_by=("id", "kind", "title", "regular"), query=PRODUCTS_QUERY, key="id"
    ),
    ShopTable(table="users", columns=CUSTOMER, known_by=("email", "username"), query=CUSTOMERS_QUERY, key="email"),
)
NESTED: Final = NestedOrders(within="line_items", lists=("orders", "data"), query=OBJECTS_QUERY)


def read_woocommerce(path: Path) -> Iterator[RawChunk]:
    """Yield products and customers, then the purchases and refunds of the orders, then the items that orders name.

    Args:
        path: orders as JSON or CSV, products or customers as CSV, or a folder of them.

    Raises:
        SourceFileError: a file cannot be read, or its header is none of the known ones.
    """
    yield from read_shop(path, TABLES, NESTED)
