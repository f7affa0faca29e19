"""Reads Segment's calls as JSON lines: tracked events of its e-commerce spec, their ``products`` exploded.

``page`` and ``screen`` calls become ``page_view``. Calls of other kinds (``identify``, ``group``) and events outside
the spec are quarantined by name. Traits, mails and addresses are left out.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.translation import one_of
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import read_json_lines

EVENT_NAMES: Final = {
    "Product List Viewed": "view_item_list",
    "Product List Filtered": "view_item_list",
    "Product Clicked": "select_item",
    "Product Viewed": "view_item",
    "Products Searched": "search",
    "Product Added": "add_to_cart",
    "Wishlist Product Added to Cart": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Product Added to Wishlist": "add_to_wishlist",
    "Cart Viewed": "view_cart",
    "Checkout Started": "begin_checkout",
    "Order Completed": "purchase",
    "Order Refunded": "refund",
    "Promotion Viewed": "view_promotion",
    "Promotion Clicked": "select_promotion",
    "Product Reviewed": "rate_item",
}
PRODUCT: Final = dict.fromkeys(
    ("product_id", "sku", "name", "price", "quantity", "brand", "category", "position"), "VARCHAR"
)
CALL: Final = dict.fromkeys(
    ("order_id", "currency", "list_id", "promotion_id", "query", "rating", "review_body", "session_id"), "VARCHAR"
)
STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(("type", "event", "messageId", "timestamp", "receivedAt", "userId", "anonymousId"), "VARCHAR")
    | {
        "properties": PRODUCT | CALL | {"products": [PRODUCT]},
        "context": {
            "campaign": {"name": "VARCHAR", "medium": "VARCHAR"},
            "device": {"type": "VARCHAR"},
            "location": {"country": "VARCHAR"},
        },
    }
).decode()
NAME: Final = "if(fields.type IN ('page', 'screen'), 'page_view', coalesce(fields.event, fields.type))"
QUERY: Final = f"""
    WITH calls AS (SELECT row, json_transform(line, '{STRUCTURE}') AS fields FROM objects),
    exploded AS (
        SELECT
            row,
            fields,
            fields.properties AS properties,
            unnest(CASE WHEN len(fields.properties.products) > 0 THEN fields.properties.products ELSE [NULL] END)
                AS product,
            unnest(range(greatest(coalesce(len(fields.properties.products), 0), 1))) AS part
        FROM calls
    )
    SELECT
        row,
        part,
        part AS line_number,
        fields.messageId AS event_id,
        {one_of(NAME, EVENT_NAMES)} AS event_name,
        fields.timestamp AS event_timestamp,
        fields.receivedAt AS created_timestamp,
        fields.userId AS user_id,
        fields.anonymousId AS anonymous_id,
        properties.session_id AS session_id,
        coalesce(product.product_id, product.sku, properties.product_id, properties.sku) AS item_id,
        coalesce(product.quantity, properties.quantity) AS quantity,
        coalesce(product.price, properties.price) AS price,
        properties.currency AS currency,
        properties.rating AS "value",
        properties.order_id AS order_id,
        properties.list_id AS list_id,
        coalesce(product.position, properties.position) AS list_position,
        properties.query AS query,
        properties.review_body AS "text",
        coalesce(properties.promotion_id, fields.context.campaign.name) AS campaign_id,
        fields.context.campaign.medium AS channel,
        fields.context.device.type AS device,
        fields.context.location.country AS country,
        coalesce(product.category, properties.category) AS category,
        coalesce(product.brand, properties.brand) AS brand,
        coalesce(product.name, properties.name) AS title
    FROM exploded
"""


def read_segment(path: Path) -> Iterator[RawChunk]:
    """Yield a row per call and product in canonical columns, then the items."""
    catalogue = Catalogue()
    for chunk in read_json_lines(path, QUERY):
        catalogue.note(chunk.rows)
        yield replace(chunk, rows=chunk.rows.drop_columns(["title"]), arrived_when_happened=True)
    yield catalogue.chunk(path.name)
