with

features as (

    select * from {{ ref('session_features') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

newest as (

    select max(ended_at) as newest_at from sessions

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
    sessions.started_at as session_started_at
from features
inner join sessions on features.session_id = sessions.session_id
cross join newest
-- A session that may still go on has no label yet.
where sessions.ended_at <= {{ dbt.dateadd('minute', '-' ~ var('session_gap_minutes'), 'newest.newest_at') }}
