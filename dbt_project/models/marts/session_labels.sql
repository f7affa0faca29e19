{{
    config(
        materialized='chunked',
        changed_events="{{ changed_events('session_id', ref('int_sessions'), is_over()) }}",
        pre_hook="{{ forget_changed('session_id', ref('int_sessions'), ref('int_behaviour'), is_over()) }}"
    )
}}

with

-- A session that may still go on has no label yet.
changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions'), is_over()) }}

)

select
    features.session_id,
    features.user_id,
    features.event_timestamp,
    row_number() over (
        partition by features.session_id
        order by features.event_timestamp
    ) as position,
    sessions.is_purchased as purchased,
    sessions.started_at as session_started_at,
    changed_sessions.fingerprint
from {{ ref('session_features') }} as features
inner join changed_sessions on features.session_id = changed_sessions.session_id
inner join {{ ref('int_sessions') }} as sessions on features.session_id = sessions.session_id
where {{ in_chunk('features.session_id') }}
