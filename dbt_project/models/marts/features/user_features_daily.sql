{{
    config(
        materialized='parts',
        entity=['user_id', 'feature_timestamp'],
        entities='int_user_histories'
    )
}}

with

changed_days as (

    {{ changed_entities(['user_id', 'feature_timestamp'], ref('int_user_histories')) }}

),

-- Of a shopper with a changed day all days: there are few to a shopper, and none is made again for being read.
days as (

    select
        days.*,
        tastes.distinct_items_28d,
        {{ list_element('tastes.top_categories', 1) }} as favourite_category,
        {{ day_end('days.event_date') }} as feature_timestamp
    from {{ ref('int_user_days') }} as days
    inner join {{ ref('int_user_taste_days') }} as tastes
        on days.user_id = tastes.user_id and days.event_date = tastes.event_date
    where days.user_id in (select changed_days.user_id from changed_days)

),

features as (

    select
        user_id,
        feature_timestamp,
        max(known_at) over so_far as created_timestamp,
        cast(sum(events) over week as bigint) as events_7d,
        cast(sum(views) over four_weeks as bigint) as views_28d,
        cast(sum(carts) over four_weeks as bigint) as carts_28d,
        cast(sum(purchases) over four_weeks as bigint) as purchases_28d,
        cast(sum(sessions) over four_weeks as bigint) as sessions_28d,
        cast(sum(revenue) over four_weeks as double) as revenue_28d,
        distinct_items_28d,
        cast(sum(price_sum) over four_weeks as double) / nullif(sum(price_count) over four_weeks, 0) as mean_price_28d,
        cast(sum(orders) over so_far as bigint) as orders_total,
        {{ days_between('min(first_event_at) over so_far', 'feature_timestamp') }} as days_since_first_event,
        {{ days_between('max(last_event_at) over so_far', 'feature_timestamp') }} as days_since_last_event,
        {{ days_between('max(last_order_at) over so_far', 'feature_timestamp') }} as days_since_last_order,
        favourite_category
    from days
    window
        week as (partition by user_id order by event_date range between interval 6 days preceding and current row),
        four_weeks as (
            partition by user_id order by event_date range between interval 27 days preceding and current row
        ),
        so_far as (partition by user_id order by event_date range between unbounded preceding and current row)

)

select features.*
from features
inner join changed_days
    on features.user_id = changed_days.user_id and features.feature_timestamp = changed_days.feature_timestamp
