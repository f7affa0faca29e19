{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ forget_changed('item_id', ref('int_items'), ref('int_behaviour')) }}"
    )
}}

with

changed_items as (

    {{ changed_entities('item_id', ref('int_items')) }}

),

days as (

    select
        days.*,
        changed_items.fingerprint,
        {{ day_end('days.event_date') }} as feature_timestamp
    from {{ ref('int_item_days') }} as days
    inner join changed_items on days.item_id = changed_items.item_id

),

decayed as (

    select
        today.item_id,
        today.event_date,
        sum(past.interactions * {{ decay_weight('today.event_date - past.event_date') }}) as millionths
    from days as today
    inner join days as past
        on
            today.item_id = past.item_id
            and past.event_date between today.event_date - 55 and today.event_date
    group by today.item_id, today.event_date

)

select
    days.item_id,
    days.feature_timestamp,
    max(days.created_timestamp) over so_far as created_timestamp,
    cast(sum(days.views) over week as bigint) as views_7d,
    cast(sum(days.carts) over week as bigint) as carts_7d,
    cast(sum(days.purchases) over week as bigint) as purchases_7d,
    cast(sum(days.views) over four_weeks as bigint) as views_28d,
    cast(sum(days.carts) over four_weeks as bigint) as carts_28d,
    cast(sum(days.purchases) over four_weeks as bigint) as purchases_28d,
    cast(decayed.millionths as double) / 1000000 as popularity,
    sum(days.carts) over four_weeks / nullif(cast(sum(days.views) over four_weeks as double), 0) as cart_rate_28d,
    sum(days.purchases) over four_weeks / nullif(cast(sum(days.views) over four_weeks as double), 0)
        as conversion_rate_28d,
    cast(sum(days.price_sum) over four_weeks as double) / nullif(sum(days.price_count) over four_weeks, 0)
        as mean_price_28d,
    cast(sum(days.rating_sum) over so_far as double) / nullif(sum(days.ratings) over so_far, 0) as rating_mean,
    cast(sum(days.ratings) over so_far as bigint) as rating_count,
    {{ days_between('min(days.first_event_at) over so_far', 'days.feature_timestamp') }} as days_since_first_event,
    days.fingerprint
from days
inner join decayed on days.item_id = decayed.item_id and days.event_date = decayed.event_date
window
    week as (
        partition by days.item_id
        order by days.event_date range between interval 6 days preceding and current row
    ),
    four_weeks as (
        partition by days.item_id
        order by days.event_date range between interval 27 days preceding and current row
    ),
    so_far as (
        partition by days.item_id
        order by days.event_date range between unbounded preceding and current row
    )
