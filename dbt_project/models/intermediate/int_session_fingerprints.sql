{{ config(materialized='tracked', key='session_id', asked='int_session_events') }}

with

events as (

    select
        events.session_id,
        events.event_timestamp,
        {{ hash_of(['events.row_hash', 'users.is_bot', 'users.is_usable', 'users.is_personal']) }} as row_hash
    from {{ ref('int_session_events') }} as events
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id

),

sessions as (

    select
        session_id,
        count(*) as events,
        max(event_timestamp) as ended_at,
        {{ fingerprint() }} as events_fingerprint
    from events
    group by session_id

),

-- A session cannot go on when the newest event of the log is long enough after its last.
ended as (

    select
        *,
        ended_at <= {{ dbt.dateadd('minute', '-' ~ var('session_gap_minutes'), 'max(ended_at) over ()') }} as is_over
    from sessions

)

select
    session_id,
    events,
    is_over,
    {{ hash_of(['events_fingerprint', 'is_over']) }} as fingerprint
from ended
