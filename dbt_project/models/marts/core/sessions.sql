{{ config(materialized='view') }}

with

sessions as (

    select * from {{ ref('int_sessions') }}

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
