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
        behaviour.item_id,
        behaviour.event_date,
        changed_items.fingerprint,
        max(behaviour.created_timestamp) as created_timestamp,
        count(*) filter (where behaviour.event_name = 'view_item') as views,
        count(*) filter (where behaviour.event_name = 'purchase') as purchases,
        count(*) filter (where behaviour.event_name = 'refund') as refunds,
        max(behaviour.event_timestamp) filter (where behaviour.event_name = 'purchase') as last_purchase_at,
        cast(max(behaviour.price) as double) as highest_price,
        cast({{ last_known('price') }} as double) as last_price
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_items on behaviour.item_id = changed_items.item_id
    group by behaviour.item_id, behaviour.event_date, changed_items.fingerprint

)

select
    item_id,
    {{ day_end('event_date') }} as feature_timestamp,
    max(created_timestamp) over so_far as created_timestamp,
    cast(sum(purchases) over so_far as bigint) as purchases_total,
    cast(sum(refunds) over so_far as bigint) as refunds_total,
    sum(refunds) over so_far / nullif(cast(sum(purchases) over so_far as double), 0) as return_rate,
    sum(views) over week / nullif(cast(sum(views) over four_weeks as double), 0) as view_momentum,
    {{ days_between('max(last_purchase_at) over so_far', day_end('event_date')) }} as days_since_last_purchase,
    last_value(last_price ignore nulls) over so_far as last_price,
    last_value(last_price ignore nulls) over so_far / nullif(max(highest_price) over four_weeks, 0)
        as price_to_highest_28d,
    fingerprint
from days
window
    week as (partition by item_id order by event_date range between interval 6 days preceding and current row),
    four_weeks as (partition by item_id order by event_date range between interval 27 days preceding and current row),
    so_far as (partition by item_id order by event_date range between unbounded preceding and current row)
