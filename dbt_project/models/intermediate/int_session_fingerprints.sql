with

events as (

    select
        events.session_id,
        {{ hash_of(['events.row_hash', 'users.is_bot', 'users.is_usable', 'users.is_personal']) }} as row_hash
    from {{ ref('int_session_events') }} as events
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id

)

select
    session_id,
    count(*) as events,
    {{ fingerprint() }} as fingerprint
from events
group by session_id
