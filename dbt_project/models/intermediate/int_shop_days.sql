with

-- As in int_days, but by days of the shop. Where its zone changes, events move to other days, whose hashes tell so.
events as (

    select
        {{ shop_date('events.event_timestamp') }} as event_date,
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
