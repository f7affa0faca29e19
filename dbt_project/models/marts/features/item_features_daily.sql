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

-- Joined, not windowed: of the days that are held already nothing is worked out again.
windows as (

    select
        today.item_id,
        today.event_date,
        sum(
            past.interactions * {{ decay_weight(dbt.datediff('past.event_date', 'today.event_date', 'day')) }}
        ) as millionths,
        {%- for name in ['views', 'carts', 'purchases'] %}
        cast(sum(past.{{ name }}) filter (where past.event_date > today.event_date - 7) as bigint) as {{ name }}_7d,
        cast(sum(past.{{ name }}) filter (where past.event_date > today.event_date - 28) as bigint) as {{ name }}_28d,
        {%- endfor %}
        sum(past.price_sum) filter (where past.event_date > today.event_date - 28) as price_sum_28d,
        sum(past.price_count) filter (where past.event_date > today.event_date - 28) as price_count_28d
    from histories as today
    inner join {{ ref('int_item_days') }} as past
        on
            today.item_id = past.item_id
            and past.event_date between today.event_date - 55 and today.event_date
    group by today.item_id, today.event_date

)

select
    histories.item_id,
    histories.feature_timestamp,
    histories.created_timestamp,
    windows.views_7d,
    windows.carts_7d,
    windows.purchases_7d,
    windows.views_28d,
    windows.carts_28d,
    windows.purchases_28d,
    cast(windows.millionths as double) / 1000000 as popularity,
    windows.carts_28d / nullif(cast(windows.views_28d as double), 0) as cart_rate_28d,
    windows.purchases_28d / nullif(cast(windows.views_28d as double), 0) as conversion_rate_28d,
    cast(windows.price_sum_28d as double) / nullif(windows.price_count_28d, 0) as mean_price_28d,
    cast(histories.rating_sum as double) / nullif(histories.ratings, 0) as rating_mean,
    cast(histories.ratings as bigint) as rating_count,
    {{ days_between('histories.first_event_at', 'histories.feature_timestamp') }} as days_since_first_event
from histories
inner join windows on histories.item_id = windows.item_id and histories.event_date = windows.event_date
