{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ forget_changed('user_id', ref('int_users'), ref('int_events_stitched'), 'true') }}"
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users'), 'true') }}

),

events as (

    select
        stitched.*,
        changed_users.fingerprint
    from {{ ref('int_events_stitched') }} as stitched
    inner join changed_users on stitched.user_id = changed_users.user_id

),

gaps as (

    select
        *,
        session_id is null and coalesce(
            {{ dbt.dateadd('minute', '-' ~ var('session_gap_minutes'), 'event_timestamp') }}
            > lag(event_timestamp) over unnamed,
            true
        ) as opens_session
    from events
    window unnamed as (
        partition by user_id, session_id is null
        order by event_timestamp, event_id, line_number, source
    )

),

numbered as (

    select
        *,
        max(case when opens_session then event_timestamp end) over (
            partition by user_id, session_id is null
            order by event_timestamp, event_id, line_number, source
        ) as opened_at
    from gaps

)

select
    {{ all_but([
        'session_id', 'opens_session', 'opened_at', 'text', 'intent_label', 'arrival_date', 'batch', 'actor_id'
    ]) }},
    coalesce(
        session_id,
        's_' || left(md5(user_id || '|' || {{ microseconds('opened_at') }}), 16)
    ) as session_id
from numbered
