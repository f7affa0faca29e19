with

events as (

    select events.*
    from {{ ref('int_session_events') }} as events
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id
    where events.item_id is not null and not users.is_bot

),

days as (

    select
        item_id,
        event_date,
        count(*) filter (where event_name in ('view_item_list', 'view_promotion')) as impressions,
        count(*) filter (where event_name = 'view_item') as views,
        count(*) filter (where event_name = 'add_to_wishlist') as wishlists,
        count(*) filter (where event_name = 'add_to_cart') as carts,
        count(*) filter (where event_name = 'purchase') as purchases,
        sum(coalesce(quantity, 1)) filter (where event_name = 'purchase') as units,
        sum({{ line_revenue() }}) filter (where event_name = 'purchase') as gross_revenue,
        sum(coalesce(quantity, 1)) filter (where event_name = 'refund') as refunded_units,
        sum({{ line_revenue() }}) filter (where event_name = 'refund') as refunded_revenue,
        min(price) filter (where event_name != 'refund') as lowest_price,
        max(price) filter (where event_name != 'refund') as highest_price,
        sum(price) filter (where event_name != 'refund') as price_sum,
        count(price) filter (where event_name != 'refund') as priced_events
    from events
    group by item_id, event_date

)

select
    days.item_id,
    days.event_date,
    items.category,
    items.brand,
    days.impressions,
    days.views,
    days.wishlists,
    days.carts,
    days.purchases,
    cast(coalesce(days.units, 0) as bigint) as units,
    cast(coalesce(days.gross_revenue, 0) as decimal(18, 4)) as gross_revenue,
    cast(coalesce(days.refunded_units, 0) as bigint) as refunded_units,
    cast(coalesce(days.refunded_revenue, 0) as decimal(18, 4)) as refunded_revenue,
    days.lowest_price,
    days.highest_price,
    cast(days.price_sum as double) / nullif(days.priced_events, 0) as mean_price,
    days.priced_events
from days
inner join {{ ref('int_items') }} as items on days.item_id = items.item_id
