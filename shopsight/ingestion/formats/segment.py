"""Reads Segment's calls as JSON lines: tracked events of its e-commerce spec, their ``products`` exploded.

``page`` and ``screen`` calls become ``page_view``. Calls of other kinds (``identify``, ``group``) and events outside
the spec are quarantined by name. Traits, mails and addresses are left out.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.translation import one_of
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import read_objects

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
    "Order Cancelled": "refund",
    "Promotion Viewed": "view_promotion",
    "Promotion Clicked": "select_promotion",
    "Product Reviewed": "rate_item",
}
OTHER_CALLS: Final = pa.array(["identify", "group", "alias"])
"""Kinds of calls that are no events: every healthy export has them."""
PRODUCT: Final = dict.fromkeys(
    ("product_id", "sku", "name", "price", "quantity", "brand", "category", "position"), "varchar"
)
CALL: Final = dict.fromkeys(
    ("order_id", "currency", "list_id", "promotion_id", "query", "rating", "review_body", "session_id"), "varchar"
)
STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(("type", "event", "messageId", "timestamp", "receivedAt", "userId", "anonymousId"), "varchar")
    | {
        "properties": PRODUCT | CALL | {"products": [PRODUCT]},
        "context": {
            "campaign": {"name": "varchar", "medium": "varchar"},
            "device": {"type": "varchar"},
            "location": {"country": "varchar"},
        },
    }
).decode()
NAME: Final = "if(fields.type in ('page', 'screen'), 'page_view', coalesce(fields.event, fields.type))"
NAME_IN_LIST: Final = "nullif(trim(product.name), '')"
NAME_ALONE: Final = (
    "case when regexp_matches(fields.event, '^(Wishlist )?Product ') then nullif(trim(properties.name), '') end"
)
"""Names the item where nothing else does; the name of a page or of a promotion is no item."""


def _first_given(product: str) -> str:
    """Return SQL for a product's id, or else its stock keeping unit."""
    return f"coalesce(nullif(trim({product}.product_id), ''), nullif(trim({product}.sku), ''))"


QUERY: Final = f"""
    with calls as (select row, json_transform(line, '{STRUCTURE}') as fields from objects),
    exploded as (
        select
            row,
            fields,
            fields.properties as properties,
            unnest(case when len(fields.properties.products) > 0 then fields.properties.products else [null] end)
                as product,
            unnest(range(greatest(coalesce(len(fields.properties.products), 0), 1))) as part
        from calls
    )
    select
        row,
        part,
        part as line_number,
        fields.messageId as event_id,
        {one_of(NAME, EVENT_NAMES)} as event_name,
        fields.timestamp as event_timestamp,
        fields.receivedAt as created_timestamp,
        fields.userId as user_id,
        fields.anonymousId as anonymous_id,
        properties.session_id as session_id,
        coalesce({_first_given("product")}, {NAME_IN_LIST}, {_first_given("properties")}, {NAME_ALONE}) as item_id,
        coalesce(product.quantity, properties.quantity) as quantity,
        coalesce(product.price, properties.price) as price,
        properties.currency as currency,
        properties.rating as "value",
        properties.order_id as order_id,
        properties.list_id as list_id,
        coalesce(product.position, properties.position) as list_position,
        properties.query as query,
        properties.review_body as "text",
        coalesce(properties.promotion_id, fields.context.campaign.name) as campaign_id,
        fields.context.campaign.medium as channel,
        fields.context.device.type as device,
        fields.context.location.country as country,
        coalesce(product.category, properties.category) as category,
        coalesce(product.brand, properties.brand) as brand,
        coalesce(product.name, properties.name) as title
    from exploded
"""


def read_segment(path: Path) -> Iterator[RawChunk]:
    """Yield a row per call and product in canonical columns, then the items."""
    catalogue = Catalogue()
    for chunk in read_objects(path, QUERY):
        catalogue.note(chunk.rows)
        rows = chunk.rows.drop_columns(["title"])
        left_out = pc.is_in(rows["event_name"], value_set=OTHER_CALLS).to_numpy()
        yield replace(chunk, rows=rows, arrived_when_happened=True, left_out=left_out)
    yield catalogue.chunk(path.name)
