with

events as (

    select * from {{ ref('int_current_events') }}

)

-- An anonymous id that several users share (a family's tablet) is nobody's: it stays an actor of its own.
select
    anonymous_id,
    min(user_id) as user_id,
    min(greatest(created_timestamp, coalesce(merged_at, created_timestamp))) as linked_at
from events
where user_id is not null and anonymous_id is not null
group by anonymous_id
having count(distinct user_id) = 1
