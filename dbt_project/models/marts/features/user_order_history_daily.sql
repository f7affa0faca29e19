{{
    config(
        materialized='parts',
        entity=['user_id', 'feature_timestamp'],
        entities='int_user_histories'
    )
}}
{%- set moment = 'cast(' ~ microseconds('last_order_at') ~ ' as ' ~ dbt.type_string() ~ ')' -%}

with

changed_days as (

    {{ changed_entities(['user_id', 'feature_timestamp'], ref('int_user_histories'), others=['event_date']) }}

),

days as (

    select * from {{ ref('int_user_days') }}
    where user_id in (select changed_days.user_id from changed_days)

),

so_far as (

    select
        user_id,
        event_date,
        last_event_at,
        orders,
        last_order_at,
        cast(revenue as double) as revenue,
        max(known_at) over history as known_at,
        cast(sum(case when orders > 0 then 1 else 0 end) over history as bigint) as order_days
    from days
    window history as (
        partition by user_id order by event_date range between unbounded preceding and current row
    )

),

histories as (

    select
        user_id,
        {{ ordered_list(moment, 'event_date') }} as ordered_us,
        {{ ordered_list(amount_text('revenue'), 'event_date') }} as order_values
    from so_far
    where orders > 0
    group by user_id

)

select
    so_far.user_id,
    changed_days.feature_timestamp,
    so_far.known_at as created_timestamp,
    {{ microseconds('so_far.last_event_at') }} as last_seen_us,
    {{ list_part(
        'histories.ordered_us',
        'greatest(so_far.order_days - ' ~ var('history_length') ~ ' + 1, 1)',
        'so_far.order_days'
    ) }} as ordered_us,
    {{ list_part(
        'histories.order_values',
        'greatest(so_far.order_days - ' ~ var('history_length') ~ ' + 1, 1)',
        'so_far.order_days'
    ) }} as order_values
from so_far
inner join changed_days on so_far.user_id = changed_days.user_id and so_far.event_date = changed_days.event_date
inner join histories on so_far.user_id = histories.user_id
where so_far.order_days > 0
