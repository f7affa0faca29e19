{{
    config(
        materialized='chunked',
        entity='session_id',
        entities='int_session_fingerprints',
        condition='true',
        is_entities=true
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_session_fingerprints'), 'true', others=['is_over']) }}

),

events as (

    select
        events.*,
        users.is_bot,
        users.is_usable and {{ consent_allows('totals', 'events.consent') }} as is_usable,
        users.is_personal and {{ consent_allows('personal', 'events.consent') }} as is_personal,
        changed_sessions.is_over
    from {{ ref('int_session_events') }} as events
    inner join changed_sessions on events.session_id = changed_sessions.session_id
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id
    where {{ in_chunk('events.session_id') }}

)

select
    session_id,
    coalesce({{ last_known('case when is_identified then user_id end') }}, {{ last_known('user_id') }}) as user_id,
    min(event_timestamp) as started_at,
    max(event_timestamp) as ended_at,
    count(*) as events,
    count(*) filter (where event_name = 'view_item') as views,
    count(*) filter (where event_name = 'add_to_cart') as carts,
    count(distinct event_id) filter (where event_name = 'begin_checkout') as checkouts,
    count(*) filter (where event_name = 'purchase') as purchases,
    coalesce(sum(revenue) filter (where event_name = 'purchase'), 0) as revenue,
    {{ first_known('channel') }} as channel,
    {{ first_known('device') }} as device,
    {{ first_known('country') }} as country,
    {{ first_known('platform') }} as platform,
    {{ first_known('campaign_id') }} as campaign_id,
    {{ first_known('event_name') }} as entry_event_name,
    {{ first_known('item_id') }} as entry_item_id,
    {{ last_known('event_name') }} as exit_event_name,
    {{ last_known('item_id') }} as exit_item_id,
    min(event_id) = max(event_id) and min(event_name) = max(event_name) as is_bounce,
    count(*) filter (where event_name = 'search') as searches,
    bool_or(is_bot) as is_bot,
    bool_or(is_usable) as is_usable,
    bool_or(is_personal) as is_personal,
    bool_or(is_over) as is_over,
    coalesce(bool_or(event_name = 'purchase') filter (where is_personal), false) as is_purchased,
    min(event_timestamp) filter (where is_personal and event_name in ('begin_checkout', 'purchase')) as checked_out_at
from events
group by session_id
