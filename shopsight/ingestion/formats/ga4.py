"""Reads GA4's export to BigQuery as JSON lines: an event a line, its ``items`` exploded.

Names are GA4's own, which the canonical event shares. Three others are translated; what remains (``session_start``,
``scroll``, ``user_engagement``, a shop's own) says nothing that a model here reads and is quarantined by name.
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
    "view_search_results": "search",
    "screen_view": "page_view",
    "ecommerce_purchase": "purchase",
}
TEXT: Final = "VARCHAR"
ITEM: Final = dict.fromkeys(
    (
        "item_id", "item_name", "item_brand", "item_category", "item_category2", "item_category3", "item_category4",
        "item_category5", "price", "quantity", "item_revenue", "item_list_id", "item_list_name", "item_list_index",
        "promotion_id", "creative_slot",
    ),
    TEXT,
)  # fmt: skip
STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(("event_name", "event_timestamp", "event_server_timestamp_offset"), TEXT)
    | dict.fromkeys(("user_id", "user_pseudo_id", "platform"), TEXT)
    | {
        "event_params": [
            {"key": TEXT, "value": {"string_value": TEXT, "int_value": TEXT, "double_value": TEXT}},
        ],
        "device": {"category": TEXT},
        "geo": {"country": TEXT},
        "traffic_source": {"name": TEXT, "medium": TEXT},
        "privacy_info": {"analytics_storage": TEXT, "ads_storage": TEXT},
        "ecommerce": {"transaction_id": TEXT},
        "items": [ITEM],
    }
).decode()


def _param(name: str) -> str:
    found = f"list_filter(fields.event_params, lambda p: p.key = '{name}')[1].value"
    return f"coalesce({found}.string_value, {found}.int_value, {found}.double_value)"


def _known(column: str) -> str:
    """Return SQL that reads GA4's words for nothing as null."""
    return f"CASE WHEN {column} NOT IN ('(not set)', '(none)', '(direct)', '(other)', '') THEN {column} END"


QUERY: Final = f"""
    WITH events AS (SELECT row, json_transform(line, '{STRUCTURE}') AS fields FROM objects),
    exploded AS (
        SELECT
            row,
            fields,
            unnest(CASE WHEN len(fields.items) > 0 THEN fields.items ELSE [NULL] END) AS item,
            unnest(range(greatest(coalesce(len(fields.items), 0), 1))) AS part
        FROM events
    )
    SELECT
        row,
        part,
        part AS line_number,
        {one_of("fields.event_name", EVENT_NAMES)} AS event_name,
        fields.event_timestamp AS event_timestamp,
        TRY_CAST(fields.event_timestamp AS BIGINT) + TRY_CAST(fields.event_server_timestamp_offset AS BIGINT)
            AS created_timestamp,
        fields.user_id AS user_id,
        fields.user_pseudo_id AS anonymous_id,
        {_param("ga_session_id")} AS session_id,
        {_known("item.item_id")} AS item_id,
        item.quantity AS quantity,
        item.price AS price,
        CASE WHEN item.price IS NOT NULL THEN {_param("currency")} END AS currency,
        item.item_revenue AS "value",
        coalesce({_known("fields.ecommerce.transaction_id")}, {_known(_param("transaction_id"))}) AS order_id,
        coalesce({_known("item.item_list_id")}, {_known("item.item_list_name")}) AS list_id,
        {_known("item.item_list_index")} AS list_position,
        {_known("item.creative_slot")} AS placement,
        {_param("search_term")} AS query,
        coalesce({_known("item.promotion_id")}, {_known("fields.traffic_source.name")}) AS campaign_id,
        {_known("fields.traffic_source.medium")} AS channel,
        fields.device.category AS device,
        {_known("fields.geo.country")} AS country,
        fields.platform AS platform,
        nullif(concat_ws(' > ', {", ".join(_known(f"item.item_category{n}") for n in ("", "2", "3", "4", "5"))}), '')
            AS category,
        {_known("item.item_brand")} AS brand,
        {_known("item.item_name")} AS title,
        CASE WHEN fields.privacy_info.analytics_storage = 'No' THEN 'none'
             WHEN fields.privacy_info.ads_storage = 'No' THEN 'analytics_only' END AS consent
    FROM exploded
"""


def read_ga4(path: Path) -> Iterator[RawChunk]:
    """Yield a row per event and item in canonical columns, then the items.

    Sessions are numbered per device, so the log puts the device's pseudonym before the number.
    """
    catalogue = Catalogue()
    for chunk in read_json_lines(path, QUERY):
        catalogue.note(chunk.rows)
        rows = chunk.rows.drop_columns(["title"])
        yield replace(chunk, rows=rows, per_actor=("session_id",), arrived_when_happened=True)
    yield catalogue.chunk(path.name)
