{{
    config(
        materialized='parts',
        entity=['item_id', 'feature_timestamp'],
        entities='int_item_histories',
        condition='true'
    )
}}

with

changed_days as (

    {{ changed_entities(['item_id', 'feature_timestamp'], ref('int_item_histories'), 'true') }}

),

histories as (

    select histories.*
    from {{ ref('int_item_histories') }} as histories
    inner join changed_days
        on histories.item_id = changed_days.item_id and histories.feature_timestamp = changed_days.feature_timestamp

),

windows as (

    select
        today.item_id,
        today.event_date,
        sum(past.views) filter (where past.event_date > today.event_date - 7) as views_7d,
        sum(past.views) as views_28d,
        max(past.highest_price) as highest_price_28d
    from histories as today
    inner join {{ ref('int_item_days') }} as past
        on
            today.item_id = past.item_id
            and past.event_date between today.event_date - 27 and today.event_date
    group by today.item_id, today.event_date

)

select
    histories.item_id,
    histories.feature_timestamp,
    histories.created_timestamp,
    cast(histories.purchases as bigint) as purchases_total,
    cast(histories.refunds as bigint) as refunds_total,
    histories.refunds / nullif(cast(histories.purchases as double), 0) as return_rate,
    windows.views_7d / nullif(cast(windows.views_28d as double), 0) as view_momentum,
    {{ days_between('histories.last_purchase_at', 'histories.feature_timestamp') }} as days_since_last_purchase,
    cast(histories.last_price as double) as last_price,
    cast(histories.last_price as double) / nullif(cast(windows.highest_price_28d as double), 0) as price_to_highest_28d
from histories
inner join windows on histories.item_id = windows.item_id and histories.event_date = windows.event_date
