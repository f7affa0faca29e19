"""Reads GA4's export to BigQuery as JSON lines: an event a line, its ``items`` exploded.

Names are GA4's own, which the canonical event shares. Three others are translated; what remains (``session_start``,
``scroll``, ``user_engagement``, a shop's own) says nothing that a model here reads and is quarantined by name.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.ingestion.formats.calls import numbers, value_of_lines
from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.translation import one_of
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import read_objects

EVENT_NAMES: Final = {
    "view_search_results": "search",
    "screen_view": "page_view",
    "ecommerce_purchase": "purchase",
}
AUTOMATIC: Final = pa.array(
    [
        "session_start", "first_visit", "first_open", "user_engagement", "scroll", "click", "form_start",
        "form_submit", "file_download", "video_start", "video_progress", "video_complete", "app_remove", "app_update",
        "app_clear_data", "os_update", "error", "notification_open", "notification_receive", "notification_dismiss",
        "notification_foreground", "add_payment_info", "add_shipping_info", "login", "sign_up", "share",
    ]
)  # fmt: skip
"""Events that GA4 sends by itself or recommends, and that say nothing that is read here: half of a healthy export."""
TEXT: Final = "varchar"
ITEM: Final = dict.fromkeys(
    (
        "item_id", "item_name", "item_brand", "item_category", "item_category2", "item_category3", "item_category4",
        "item_category5", "price", "quantity", "item_revenue", "item_refund", "item_list_id", "item_list_name",
        "item_list_index", "promotion_id", "creative_slot",
    ),
    TEXT,
)  # fmt: skip
STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(("event_name", "event_timestamp", "event_server_timestamp_offset"), TEXT)
    | dict.fromkeys(("event_bundle_sequence_id", "batch_page_id", "batch_ordering_id", "batch_event_index"), TEXT)
    | dict.fromkeys(("user_id", "user_pseudo_id", "platform"), TEXT)
    | {
        "event_params": [
            {"key": TEXT, "value": {"string_value": TEXT, "int_value": TEXT, "double_value": TEXT}},
        ],
        "device": {"category": TEXT},
        "geo": {"country": TEXT},
        "traffic_source": {"name": TEXT, "medium": TEXT},
        "privacy_info": {"analytics_storage": TEXT, "ads_storage": TEXT},
        "ecommerce": dict.fromkeys(
            ("transaction_id", "purchase_revenue", "refund_value", "shipping_value", "tax_value"), TEXT
        ),
        "items": [ITEM],
    }
).decode()


def _param(name: str) -> str:
    found = f"list_filter(fields.event_params, lambda p: p.key = '{name}')[1].value"
    return f"coalesce({found}.string_value, {found}.int_value, {found}.double_value)"


def _amount(name: str, kept_as: str | None = None) -> str:
    """Return SQL for an amount of an order: GA4's own column of it, or else the parameter."""
    own = f"fields.ecommerce.{kept_as}, " if kept_as else ""
    return f"try_cast(coalesce({own}{_param(name)}) as double)"


def _known(column: str) -> str:
    """Return SQL that reads GA4's words for nothing as null."""
    return f"case when {column} not in ('(not set)', '(none)', '(direct)', '(other)', '') then {column} end"


MONEY: Final = ("purchase", "ecommerce_purchase", "refund")
EVENT_ID: Final = f"""
    case
        when fields.batch_event_index is not null then concat_ws(
            '.', fields.event_timestamp, fields.event_name, coalesce(fields.event_bundle_sequence_id, ''),
            coalesce(fields.batch_page_id, ''), coalesce(fields.batch_ordering_id, ''), fields.batch_event_index
        )
        when fields.event_name = 'page_view'
            then fields.event_timestamp || '.page_view.' || md5({_param("page_location")})
    end
"""
"""SQL that tells events of a batch apart, which share one time: by GA4's numbers, views of a page by their address.

Before 2024 GA4 did not number events; without numbers, events that agree in all that is read here are one event.
"""
QUERY: Final = f"""
    with events as (select row, json_transform(line, '{STRUCTURE}') as fields from objects),
    exploded as (
        select
            row,
            fields,
            unnest(case when len(fields.items) > 0 then fields.items else [null] end) as item,
            unnest(range(greatest(coalesce(len(fields.items), 0), 1))) as part
        from events
    )
    select
        row,
        part,
        part as line_number,
        {EVENT_ID} as event_id,
        {one_of("fields.event_name", EVENT_NAMES)} as event_name,
        fields.event_timestamp as event_timestamp,
        try_cast(fields.event_timestamp as bigint) + try_cast(fields.event_server_timestamp_offset as bigint)
            as created_timestamp,
        fields.user_id as user_id,
        fields.user_pseudo_id as anonymous_id,
        {_param("ga_session_id")} as session_id,
        -- GA4 asks for item_id or item_name: an item without an id is known by its name.
        coalesce({_known("item.item_id")}, {_known("item.item_name")}) as item_id,
        item.quantity as quantity,
        item.price as price,
        case when item.price is not null or fields.event_name in {MONEY} then {_param("currency")} end as currency,
        dense_rank() over (order by row) as event,
        coalesce(try_cast(item.item_revenue as double), 0) as item_revenue,
        coalesce(try_cast(item.item_refund as double), 0) as item_refund,
        {_amount("value", "purchase_revenue")} as revenue,
        {_amount("value", "refund_value")} as refunded,
        {_amount("discount")} as discount,
        {_amount("shipping", "shipping_value")} as shipping,
        {_amount("tax", "tax_value")} as tax,
        coalesce({_known("fields.ecommerce.transaction_id")}, {_known(_param("transaction_id"))}) as order_id,
        coalesce({_known("item.item_list_id")}, {_known("item.item_list_name")}) as list_id,
        {_known("item.item_list_index")} as list_position,
        {_known("item.creative_slot")} as placement,
        {_param("search_term")} as query,
        coalesce({_known("item.promotion_id")}, {_known("fields.traffic_source.name")}) as campaign_id,
        {_known("fields.traffic_source.medium")} as channel,
        fields.device.category as device,
        {_known("fields.geo.country")} as country,
        fields.platform as platform,
        nullif(concat_ws(' > ', {", ".join(_known(f"item.item_category{n}") for n in ("", "2", "3", "4", "5"))}), '')
            as category,
        {_known("item.item_brand")} as brand,
        {_known("item.item_name")} as title,
        case when fields.privacy_info.analytics_storage = 'No' then 'none'
             when fields.privacy_info.ads_storage = 'No' then 'analytics_only' end as consent
    from exploded
"""


OF_THE_ORDER: Final = (
    "event", "item_revenue", "item_refund", "revenue", "refunded", "discount", "shipping", "tax",
)  # fmt: skip


def read_ga4(path: Path) -> Iterator[RawChunk]:
    """Yield a row per event and item in canonical columns, then the items.

    Sessions and the events of a batch are numbered per device, so the log puts the device's pseudonym before them.
    """
    catalogue = Catalogue()
    for chunk in read_objects(path, QUERY):
        catalogue.note(chunk.rows)
        rows = _with_money(chunk.rows).drop_columns([*OF_THE_ORDER, "title"])
        left_out = pc.is_in(rows["event_name"], value_set=AUTOMATIC).to_numpy()
        yield replace(
            chunk, rows=rows, per_actor=("session_id", "event_id"), arrived_when_happened=True, left_out=left_out
        )
    yield catalogue.chunk(path.name)


def _with_money(rows: pa.Table) -> pa.Table:
    """Add ``value``: what a line of a purchase brought, and what a refund gave back of a line or of a whole order."""
    money = {name: numbers(rows[name]) for name in OF_THE_ORDER if name != "event"}
    price, pieces = numbers(rows["price"]), np.nan_to_num(numbers(rows["quantity"]), nan=1.0)
    own = np.where(money["item_revenue"] > 0, money["item_revenue"], np.nan)
    lines = np.where(np.isnan(own), price * pieces, own)
    said = money | {"subtotal": np.full(len(lines), np.nan), "total": money["revenue"]}
    spread = value_of_lines(lines, pieces, rows["event"].to_numpy(), said)
    names = rows["event_name"]
    is_purchase = pc.equal(names, "purchase").fill_null(False).to_numpy()
    is_refund = pc.equal(names, "refund").fill_null(False).to_numpy()
    has_item = rows["item_id"].is_valid().to_numpy()
    value = np.where(is_purchase, np.where(np.isnan(spread), own, spread), np.nan)
    given_back = np.where(has_item, money["item_refund"], np.abs(money["refunded"]))
    value = np.where(is_refund & (given_back > 0), given_back, value)
    return rows.append_column("value", pa.array(value, from_pandas=True))
