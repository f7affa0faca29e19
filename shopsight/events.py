"""The canonical event, and the companion tables of items, users and stock, as Arrow schemas.

One row is one event of one item. Names follow GA4 e-commerce where it has one.
"""

from typing import Final

import pyarrow as pa

EVENT_NAMES: Final = (
    "view_item_list",
    "select_item",
    "view_item",
    "search",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "view_cart",
    "begin_checkout",
    "purchase",
    "refund",
    "view_promotion",
    "select_promotion",
    "page_view",
    "rate_item",
    "ask_question",
    "identify",
)

TIMESTAMP: Final = pa.timestamp("us", tz="UTC")

EVENT_SCHEMA: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("line_number", pa.int32(), nullable=False),
        pa.field("event_name", pa.string(), nullable=False),
        pa.field("event_timestamp", TIMESTAMP, nullable=False),
        pa.field("created_timestamp", TIMESTAMP, nullable=False),
        pa.field("user_id", pa.string()),
        pa.field("anonymous_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("quantity", pa.int32()),
        pa.field("price", pa.decimal128(18, 4)),
        pa.field("currency", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("order_id", pa.string()),
        pa.field("list_id", pa.string()),
        pa.field("list_position", pa.int32()),
        pa.field("placement", pa.string()),
        pa.field("recommendation_id", pa.string()),
        pa.field("query", pa.string()),
        pa.field("text", pa.string()),
        pa.field("campaign_id", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("device", pa.string()),
        pa.field("country", pa.string()),
        pa.field("platform", pa.string()),
        pa.field("category", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("consent", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("properties", pa.string()),
    ]
)
"""An accepted event in the event log; ``properties`` is a JSON object as text."""

ITEM_SCHEMA: Final = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("description", pa.string()),
        pa.field("category", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("price", pa.decimal128(18, 4)),
        pa.field("currency", pa.string()),
        pa.field("availability", pa.string()),
        pa.field("image_url", pa.string()),
        pa.field("attributes", pa.string()),
        pa.field("valid_from", TIMESTAMP),
        pa.field("valid_to", TIMESTAMP),
        pa.field("source", pa.string(), nullable=False),
        pa.field("created_timestamp", TIMESTAMP, nullable=False),
    ]
)
"""The catalogue: one row per item and validity; ``category`` is a path joined by `` > ``."""

USER_SCHEMA: Final = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("created_at", TIMESTAMP),
        pa.field("age_band", pa.string()),
        pa.field("gender", pa.string()),
        pa.field("country", pa.string()),
        pa.field("consent", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("created_timestamp", TIMESTAMP, nullable=False),
    ]
)
"""Known users: no names, mails or addresses."""

INVENTORY_SCHEMA: Final = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("counted_at", TIMESTAMP),
        pa.field("units_on_hand", pa.float64(), nullable=False),
        pa.field("units_on_order", pa.float64()),
        pa.field("arrives_at", TIMESTAMP),
        pa.field("unit_cost", pa.decimal128(18, 4)),
        pa.field("supplier", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("created_timestamp", TIMESTAMP, nullable=False),
    ]
)
"""The stock: one row per item and count; what is on order arrives at ``arrives_at``."""
