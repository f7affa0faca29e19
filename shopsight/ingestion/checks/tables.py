"""What questions read beside ``events``, the accepted rows: each is made when a question first names it.

A row of ``events`` has its ``place``; an event that is nobody's known stays with its device, as in the warehouse.
"""

from typing import Final

from shopsight.identity import ID_COLUMNS

AMOUNT: Final = 'coalesce("value", price * coalesce(quantity, 1))'
"""SQL for what a line brings: its own revenue, which knows of discounts, else price times quantity."""
IS_OF_SEVERAL: Final = "coalesce(min(known) <> max(known), false) or coalesce(min(unknown) <> max(unknown), false)"
"""SQL for whether rows are of several shoppers. One known user and one device that nothing links are a login."""

VIEWS: Final = {
    "stitched": """
        select
            events.*,
            coalesce(events.user_id, owners.user_id) as known,
            case when coalesce(events.user_id, owners.user_id) is null then events.anonymous_id end as unknown
        from events left join owners on events.anonymous_id = owners.anonymous_id
    """,
    "purchases": f"select *, {AMOUNT} as amount from events where event_name = 'purchase'",
    "refunds": f"select *, {AMOUNT} as amount from events where event_name = 'refund'",
}
"""Read anew by each question."""

TABLES: Final = {
    "actors": """
        select user_id, anonymous_id, count(*) as events, min(place) as place from events group by all
    """,
    "owners": """
        select anonymous_id, min(user_id) as user_id from actors
        where user_id is not null and anonymous_id is not null
        group by anonymous_id having count(distinct user_id) = 1
    """,
    "orders": f"""
        select
            source,
            order_id,
            min(place) as place,
            max(place) as other_place,
            {IS_OF_SEVERAL} as is_of_several,
            min(coalesce(known, unknown)) as shopper,
            max(coalesce(known, unknown)) as other_shopper,
            coalesce(min(item_id) <> max(item_id), false) as has_several_items,
            min(currency) as currency,
            max(currency) as other_currency,
            min("value") as lowest_value,
            max("value") as highest_value,
            count("value") = count(*) as has_values,
            min(price) as lowest_price,
            max(price) as highest_price,
            min(price * coalesce(quantity, 1)) as lowest_line,
            max(price * coalesce(quantity, 1)) as highest_line,
            count(price) = count(*) as has_prices
        from stitched
        where event_name = 'purchase'
        group by source, order_id
    """,
    "sessions": f"""
        select
            source,
            session_id,
            min(place) as place,
            max(place) as other_place,
            {IS_OF_SEVERAL} as is_of_several,
            min(coalesce(known, unknown)) as shopper,
            max(coalesce(known, unknown)) as other_shopper,
            min(event_timestamp) as started_at,
            max(event_timestamp) as ended_at
        from stitched
        where session_id is not null
        group by source, session_id
        -- Data sets without users give the visitor's id as the session's: it is no visit, and nobody takes it for one.
        having bool_or(session_id not in (coalesce(user_id, ''), coalesce(anonymous_id, '')))
    """,
    "ids": " union all ".join(
        f"select '{name}' as id_column, {name} as id, min(place) as place from events "
        f"where {name} is not null group by {name}"
        for name in ID_COLUMNS
    ),
}
"""Made once."""
