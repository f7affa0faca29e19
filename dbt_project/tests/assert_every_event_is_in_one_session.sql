-- The sessions mart adds up to the log, to the row: every event in its newest version, without purchases told again.
with

logged as (

    select count(*) as events from {{ ref('int_current_events') }}

),

told_again as (

    select count(*) as events from {{ ref('int_order_reports') }}
    where is_repeat

),

in_sessions as (

    select coalesce(sum(events), 0) as events from {{ ref('sessions') }}

)

select
    logged.events as logged,
    told_again.events as told_again,
    in_sessions.events as in_sessions
from logged
cross join told_again
cross join in_sessions
where logged.events - told_again.events != in_sessions.events
