with

days as (

    select * from {{ ref('int_item_demand') }}
    where events > 0

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
