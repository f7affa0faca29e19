"""Reads Snowplow's enriched events: lines of 131 fields between tabs without a header, or tables with their names.

Tables are those of the warehouse (``atomic.events``), as Parquet, CSV or JSON. Actions, products and transactions are
those of Snowplow's e-commerce entities, in ``contexts`` and ``unstruct_event`` or in the warehouse's columns of their
own; the older ``transaction_item`` events are lines of orders too. ``domain_userid`` is the device, or else
``network_userid``; ``user_id`` the shopper. Times are UTC.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.formats.calls import read_calls
from shopsight.ingestion.formats.tables import read_records
from shopsight.ingestion.formats.translation import one_of
from shopsight.ingestion.readers.chunks import RawChunk

_NAMES: Final = """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
    v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
    geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization
    ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
    page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
    refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign
    contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
    tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
    pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type
    br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
    br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
    br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type
    dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base
    tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network
    etl_tags dvce_sent_tstamp refr_domain_userid refr_dvce_tstamp derived_contexts domain_sessionid derived_tstamp
    event_vendor event_name event_format event_version event_fingerprint true_tstamp
"""
FIELDS: Final = tuple(_NAMES.split())
"""The fields of an enriched event, in their order."""
READ: Final = (
    "platform", "collector_tstamp", "event", "event_id", "user_id", "domain_userid", "network_userid", "geo_country",
    "mkt_medium", "mkt_campaign", "se_action", "ti_orderid", "ti_sku", "ti_name", "ti_category", "ti_price",
    "ti_quantity", "tr_currency", "ti_currency", "dvce_type", "domain_sessionid", "derived_tstamp", "event_name",
)  # fmt: skip
ECOMMERCE: Final = "com_snowplowanalytics_snowplow_ecommerce"
ACTION_COLUMN: Final = f"unstruct_event_{ECOMMERCE}_snowplow_ecommerce_action_1"


def _entity_columns(name: str) -> tuple[str, str]:
    """Return the warehouse's columns of an e-commerce entity: named by its major version, or by the whole of it."""
    return f"contexts_{ECOMMERCE}_{name}_1", f"contexts_{ECOMMERCE}_{name}_1_0_0"


STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(READ, "varchar")
    | dict.fromkeys(("contexts", "unstruct_event", ACTION_COLUMN), "json")
    | {column: "json" for name in ("product", "transaction", "refund") for column in _entity_columns(name)}
).decode()
PRODUCTS: Final = orjson.dumps(
    [dict.fromkeys(("id", "name", "price", "quantity", "brand", "category", "position", "currency"), "varchar")]
).decode()
ACTIONS: Final = {
    "product_view": "view_item",
    "list_view": "view_item_list",
    "list_click": "select_item",
    "checkout_step": "begin_checkout",
    "transaction": "purchase",
    "promo_view": "view_promotion",
    "promo_click": "select_promotion",
}
"""Types of the e-commerce action that are not called as they are here."""


def _entities(name: str) -> str:
    """Return SQL for the list of entities of a kind: out of ``contexts``, or of the warehouse's column."""
    kind = f"%.ecommerce/{name}/%"
    columns = ", ".join(f"nullif(fields.{column} ->> '$', '')" for column in _entity_columns(name))
    return f"""coalesce(
        list_transform(
            list_filter(attached, lambda entity: entity ->> '$.schema' like '{kind}'), lambda entity: entity -> '$.data'
        ),
        json_transform(coalesce({columns})::JSON, '["json"]')
    )"""


CALLS: Final = f"""
    with events as (
        select row, json_transform(line, '{STRUCTURE}') as fields from objects
    ),
    attached as (
        select
            row,
            fields,
            json_transform(nullif(fields.contexts ->> '$', '')::JSON -> '$.data', '["json"]') as attached,
            coalesce(
                nullif(fields.unstruct_event ->> '$', '')::JSON -> '$.data.data',
                nullif(fields.{ACTION_COLUMN} ->> '$', '')::JSON
            ) as own
        from events
    ),
    told as (
        select
            row,
            fields,
            own,
            case fields.event_name
                when 'snowplow_ecommerce_action' then {one_of("(own ->> '$.type')", ACTIONS)}
                when 'transaction_item' then 'purchase'
                when 'transaction' then 'transaction of items'
                when 'event' then coalesce(fields.se_action, 'event')
                else coalesce(
                    nullif(fields.event_name, ''), if(fields.event = 'struct', fields.se_action, fields.event)
                )
            end as name,
            fields.event_name = 'transaction_item' as is_line,
            {_entities("product")} as products,
            {_entities("transaction")}[1] as bought,
            {_entities("refund")}[1] as given_back
        from attached
    )
    select
        row,
        0 as place,
        name,
        fields.event_id as event_id,
        coalesce(nullif(fields.derived_tstamp, ''), fields.collector_tstamp) as event_timestamp,
        fields.collector_tstamp as created_timestamp,
        fields.user_id as user_id,
        coalesce(nullif(fields.domain_userid, ''), fields.network_userid) as anonymous_id,
        fields.domain_sessionid as session_id,
        fields.mkt_campaign as campaign_id,
        fields.mkt_medium as channel,
        lower(fields.dvce_type) as device,
        fields.geo_country as country,
        fields.platform as platform,
        json_merge_patch(coalesce(own, '{{}}'::JSON), json_object(
            'order_id', coalesce(if(is_line, fields.ti_orderid, null), bought ->> '$.transaction_id',
                given_back ->> '$.transaction_id'),
            'currency', coalesce(
                bought ->> '$.currency', given_back ->> '$.currency', products[1] ->> '$.currency',
                if(is_line, coalesce(nullif(fields.ti_currency, ''), fields.tr_currency), null), own ->> '$.currency'
            ),
            'revenue', coalesce(bought ->> '$.revenue', given_back ->> '$.refund_amount'),
            'total', bought ->> '$.revenue',
            'tax', bought ->> '$.tax',
            'shipping', bought ->> '$.shipping',
            'discount', bought ->> '$.discount_amount',
            'product_id', if(is_line, fields.ti_sku, own ->> '$.sku'),
            'product_name', if(is_line, fields.ti_name, own ->> '$.name'),
            'category', if(is_line, fields.ti_category, own ->> '$.category'),
            'price', if(is_line, fields.ti_price, own ->> '$.unitPrice'),
            'quantity', if(is_line, fields.ti_quantity, own ->> '$.quantity'),
            'query', array_to_string(json_transform(own -> '$.terms', '["varchar"]'), ' '),
            'products', products
        )) as properties
    from told
"""
TECHNICAL: Final = frozenset(
    {
        "page_ping", "transaction of items", "link_click", "submit_form", "change_form", "focus_form", "trns_error",
        "application_background", "application_foreground", "application_install", "application_error", "timing",
        "consent_preferences", "consent_granted", "cmp_visible", "web_vitals", "activity_callback", "button_click",
        "deep_link_received", "message_notification", "start_ping", "ping", "event",
    }
)  # fmt: skip
"""What Snowplow's trackers send by themselves; a ``transaction`` is told line by line by its items."""


def read_snowplow(path: Path) -> Iterator[RawChunk]:
    """Yield a row per event and product in canonical columns, then the items.

    Raises:
        SourceFileError: a file cannot be read.
    """
    read = partial(read_records, path, fields=FIELDS)
    yield from read_calls(read, CALLS, technical=TECHNICAL, file_name=path.name)
