with

-- Without user_id: whose an event is changes nothing about its day.
events as (

    select
        events.event_date,
        {{ hash_of(['events.settled_hash', 'users.is_bot', 'users.is_usable']) }} as row_hash
    from {{ ref('int_session_events') }} as events
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id

)

select
    event_date,
    count(*) as events,
    {{ fingerprint() }} as fingerprint
from events
group by event_date
