-- The sessions mart adds up to the log, to the row.
with

logged as (

    select count(*) as events from {{ ref('int_events') }}

),

in_sessions as (

    select coalesce(sum(events), 0) as events from {{ ref('sessions') }}

)

select
    logged.events as logged,
    in_sessions.events as in_sessions
from logged
cross join in_sessions
where logged.events != in_sessions.events
