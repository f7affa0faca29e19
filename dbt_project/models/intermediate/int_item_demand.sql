{{
    config(
        materialized='chunked',
        entity='event_date',
        entities='int_shop_days',
        condition='true'
    )
}}

with

changed_days as (

    {{ changed_entities('event_date', ref('int_shop_days'), 'true') }}

),

events as (

    select
        {{ all_but(['item_id', 'quantity', 'revenue', 'event_date'], 'events') }},
        changed_days.event_date,
        coalesce(events.item_id, lines.item_id) as item_id,
        lines.quantity as units,
        lines.revenue,
        users.is_bot,
        case when not users.is_bot then events.event_name end as counted_name,
        case when not users.is_bot and events.event_name != 'refund' then events.price end as seen_price
    from {{ ref('int_session_events') }} as events
    inner join changed_days on {{ shop_date('events.event_timestamp') }} = changed_days.event_date
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id
    -- A refund of an order by its id alone stands once for each of its items.
    left join {{ ref('int_order_lines') }} as lines on events.event_hash = lines.event_hash
    where coalesce(events.item_id, lines.item_id) is not null

)

select
    item_id,
    event_date,
    min(event_timestamp) as first_seen_at,
    max(event_timestamp) as last_seen_at,
    {{ last_known('sent_category') }} as sent_category,
    {{ last_known('sent_brand') }} as sent_brand,
    {{ last_known('price') }} as sent_price,
    {{ last_known('currency') }} as sent_currency,
    count(counted_name) as events,
    count(*) filter (where counted_name in ('view_item_list', 'view_promotion')) as impressions,
    count(*) filter (where counted_name = 'view_item') as views,
    count(*) filter (where counted_name = 'add_to_wishlist') as wishlists,
    count(*) filter (where counted_name = 'add_to_cart') as carts,
    count(*) filter (where counted_name = 'purchase') as purchases,
    sum(units) filter (where counted_name = 'purchase') as units,
    sum(revenue) filter (where counted_name = 'purchase') as gross_revenue,
    sum(units) filter (where counted_name = 'refund') as refunded_units,
    sum(revenue) filter (where counted_name = 'refund') as refunded_revenue,
    min(seen_price) as lowest_price,
    max(seen_price) as highest_price,
    sum(seen_price) as price_sum,
    count(seen_price) as priced_events
from events
group by item_id, event_date
