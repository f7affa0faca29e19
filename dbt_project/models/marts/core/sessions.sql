{{
    config(
        materialized='parts',
        entity='session_id',
        entities='int_sessions',
        condition='true',
        setting="{{ shop_zone() }}"
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions'), 'true') }}

),

sessions as (

    select sessions.*
    from {{ ref('int_sessions') }} as sessions
    inner join changed_sessions on sessions.session_id = changed_sessions.session_id

)

select
    session_id,
    user_id,
    started_at,
    {{ shop_date('started_at') }} as started_on,
    ended_at,
    {{ seconds_between('started_at', 'ended_at') }} as duration_seconds,
    events,
    views,
    carts,
    checkouts,
    purchases,
    cast(revenue as double) as revenue,
    channel,
    device,
    country,
    is_bot,
    purchases > 0 as converted,
    entry_event_name,
    entry_item_id,
    exit_event_name,
    exit_item_id,
    is_bounce,
    searches,
    platform,
    campaign_id
from sessions
