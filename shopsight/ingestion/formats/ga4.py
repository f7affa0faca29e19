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

from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.repeats import LineCounter
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
LINES_OF_AN_EVENT: Final = 1_000
"""GA4 keeps at most 200 items of an event."""
TEXT: Final = "varchar"
ITEM: Final = dict.fromkeys(
    (
        "item_id", "item_name", "item_brand", "item_category", "item_category2", "item_category3", "item_category4",
        "item_category5", "price", "quantity", "item_revenue", "item_list_id", "item_list_name", "item_list_index",
        "promotion_id", "creative_slot",
    ),
    TEXT,
)  # fmt: skip
STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(("event_name", "event_timestamp", "event_server_timestamp_offset", "batch_event_index"), TEXT)
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
    return f"case when {column} not in ('(not set)', '(none)', '(direct)', '(other)', '') then {column} end"


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
        case when item.price is not null then {_param("currency")} end as currency,
        item.item_revenue as "value",
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
             when fields.privacy_info.ads_storage = 'No' then 'analytics_only' end as consent,
        fields.batch_event_index is not null and fields.event_name not in ('purchase', 'ecommerce_purchase') as is_numbered,
        hash(fields.event_name, fields.event_timestamp, fields.user_id, fields.user_pseudo_id, item.item_id,
            item.item_name, part) as line_hash,
        hash(line_hash, fields.batch_event_index) as row_hash
    from exploded
"""


def read_ga4(path: Path) -> Iterator[RawChunk]:
    """Yield a row per event and item in canonical columns, then the items.

    Sessions are numbered per device, so the log puts the device's pseudonym before the number.
    """
    catalogue, lines = Catalogue(), LineCounter()
    for chunk in read_objects(path, QUERY):
        catalogue.note(chunk.rows)
        rows = _with_batches_numbered(chunk.rows.drop_columns(["title"]), lines)
        left_out = pc.is_in(rows["event_name"], value_set=AUTOMATIC).to_numpy()
        yield replace(chunk, rows=rows, per_actor=("session_id",), arrived_when_happened=True, left_out=left_out)
    yield catalogue.chunk(path.name)


def _with_batches_numbered(rows: pa.Table, lines: LineCounter) -> pa.Table:
    """Tell equal events of one microsecond apart, which GA4 sends as one batch and numbers by ``batch_event_index``.

    The first keeps its line numbers, as exports had them before GA4 numbered anything. An order is told once in a batch.
    """
    is_numbered = rows["is_numbered"].fill_null(False).to_numpy()
    line_hashes, row_hashes = (rows[name].to_numpy()[is_numbered] for name in ("line_hash", "row_hash"))
    numbers = np.zeros(rows.num_rows, dtype=np.int64)
    numbers[is_numbered] = lines.number(line_hashes, row_hashes)
    rows = rows.drop_columns(["is_numbered", "line_hash", "row_hash"])
    line_numbers = pc.add(rows["line_number"], pa.array(numbers * LINES_OF_AN_EVENT))
    return rows.set_column(rows.schema.get_field_index("line_number"), "line_number", line_numbers)
