{{
    config(
        materialized='parts',
        entity='session_id',
        entities='int_sessions',
        in_chunks=true
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions')) }}

),

moments as (

    select moments.*
    from {{ ref('int_session_moments') }} as moments
    inner join changed_sessions on moments.session_id = changed_sessions.session_id
    where {{ in_chunk('moments.session_id') }}

)

select
    session_id,
    user_id,
    event_timestamp,
    created_timestamp,
    events_so_far,
    views_so_far,
    searches_so_far,
    wishlists_so_far,
    carts_so_far,
    cart_removals_so_far,
    cart_views_so_far,
    distinct_items_so_far,
    distinct_categories_so_far,
    {{ seconds_between('started_at', 'event_timestamp') }} as seconds_since_start,
    pause as seconds_since_last_event,
    cast(lowest_price as double) as min_price_so_far,
    cast(price_sum as double) / nullif(prices, 0) as mean_price_so_far,
    cast(highest_price as double) as max_price_so_far,
    cast({{ utc_hour('event_timestamp') }} as bigint) as hour_of_day,
    cast({{ utc_weekday('event_timestamp') }} as bigint) as day_of_week,
    event_name as last_event_name
from moments
