{{
    config(
        materialized='parts',
        entity='session_id',
        entities='int_sessions',
        condition='is_personal and is_over',
        in_chunks=true
    )
}}

with

-- A session that may still go on has no label yet.
changed_sessions as (

    {{ changed_entities(
        'session_id',
        ref('int_sessions'),
        'is_personal and is_over',
        others=['is_purchased', 'started_at']
    ) }}

)

select
    moments.session_id,
    moments.user_id,
    moments.event_timestamp,
    moments.position,
    changed_sessions.is_purchased as purchased,
    changed_sessions.started_at as session_started_at
from {{ ref('int_session_moments') }} as moments
inner join changed_sessions on moments.session_id = changed_sessions.session_id
where {{ in_chunk('moments.session_id') }}
