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
    {{ seconds_between('started_at', 'event_timestamp') }} / nullif(events_so_far - 1, 0) as mean_dwell_seconds,
    longest_pause as longest_dwell_seconds,
    cast(deepest_position as bigint) as deepest_position_so_far,
    cast(highest_price - lowest_price as double) as price_spread_so_far,
    carts_so_far / nullif(cast(views_so_far as double), 0) as cart_rate_so_far,
    last_actions,
    last_items
from moments
