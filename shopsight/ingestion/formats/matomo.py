"""Reads Matomo's visits: the JSON that ``Live.getLastVisitsDetails`` answers, a visit with its ``actionDetails``.

A visit is a session. ``visitorId`` is the device, ``userId`` the shopper. Page views of a product's page are views of
the item; ``ecommerceOrder`` is an order with its ``itemDetails``, ``ecommerceAbandonedCart`` the cart as it was left.
``revenueSubTotal`` is the order's revenue before postage and tax.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.formats.calls import read_calls
from shopsight.ingestion.formats.tables import read_records
from shopsight.ingestion.readers.chunks import RawChunk

STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(
        (
            "idVisit", "visitorId", "userId", "lastActionTimestamp", "serverTimestamp", "firstActionTimestamp",
            "deviceType", "countryCode", "referrerType", "campaignName", "operatingSystemName",
            "siteCurrency",
        ),
        "varchar",
    )
    | {"actionDetails": "json"}
).decode()  # fmt: skip
ACTION: Final = orjson.dumps(
    [
        dict.fromkeys(
            (
                "type", "timestamp", "idpageview", "pageId", "siteSearchKeyword", "eventAction", "eventCategory",
                "orderId", "revenue", "revenueSubTotal", "revenueTax", "revenueShipping", "revenueDiscount",
                "productViewSku", "productViewName", "productViewPrice", "goalName", "currency",
            ),
            "varchar",
        )
        | {"productViewCategories": ["varchar"]}
        | {"itemDetails": [dict.fromkeys(("itemSKU", "itemName", "price", "quantity", "itemCategory"), "varchar")]}
    ]
).decode()  # fmt: skip
CALLS: Final = f"""
    with visits as (
        select
            row,
            fields,
            json_transform((fields.actionDetails ->> '$')::JSON, '{ACTION}') as actions
        from (select row, json_transform(line, '{STRUCTURE}') as fields from objects)
    ),
    exploded as (
        select
            row,
            fields,
            -- A visit without actions gives one row without content, which is quarantined and so counted.
            unnest(case when len(actions) > 0 then actions else [null] end) as action,
            unnest(range(greatest(coalesce(len(actions), 0), 1))) as place
        from visits
    )
    select
        row,
        place,
        case
            when action.type = 'ecommerceOrder' then 'purchase'
            when action.type = 'ecommerceAbandonedCart' then 'view_cart'
            when action.type = 'search' then 'search'
            when action.productViewSku is not null or action.productViewName is not null then 'view_item'
            when action.type = 'action' then 'page_view'
            when action.type = 'event' then action.eventAction
            else action.type
        end as name,
        concat_ws('-', fields.idVisit, place) as event_id,
        coalesce(action.timestamp, fields.lastActionTimestamp, fields.serverTimestamp) as event_timestamp,
        null::varchar as created_timestamp,
        fields.userId as user_id,
        fields.visitorId as anonymous_id,
        fields.idVisit as session_id,
        fields.campaignName as campaign_id,
        fields.referrerType as channel,
        lower(fields.deviceType) as device,
        upper(fields.countryCode) as country,
        fields.operatingSystemName as platform,
        json_object(
            'order_id', nullif(action.orderId, '0'),
            'currency', coalesce(action.currency, fields.siteCurrency),
            'query', action.siteSearchKeyword,
            'revenue', case when action.type = 'ecommerceOrder' then action.revenueSubTotal end,
            'total', action.revenue,
            'tax', action.revenueTax,
            'shipping', action.revenueShipping,
            'discount', action.revenueDiscount,
            'product_id', action.productViewSku,
            'product_name', action.productViewName,
            'price', action.productViewPrice,
            'category', array_to_string(action.productViewCategories, ' > '),
            'products', list_transform(
                action.itemDetails,
                lambda item: {{
                    'sku': item.itemSKU, 'name': item.itemName, 'price': item.price, 'quantity': item.quantity,
                    'category': item.itemCategory
                }}
            )
        ) as properties
    from exploded
"""
TECHNICAL: Final = frozenset(
    {"goal", "outlink", "download", "form", "media", "contentImpression", "contentInteraction", "ping", "crash", "hsr"}
)
"""Actions that Matomo notes by itself."""


def read_matomo(path: Path) -> Iterator[RawChunk]:
    """Yield a row per action and product in canonical columns, then the items.

    Raises:
        SourceFileError: a file cannot be read.
    """
    read = partial(read_records, path, lists=("visits", "data"))
    yield from read_calls(read, CALLS, technical=TECHNICAL, file_name=path.name)
