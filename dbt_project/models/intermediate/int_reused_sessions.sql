with

events as (

    select
        events.session_id,
        events.event_timestamp,
        coalesce(events.user_id, identities.user_id) as known_user_id,
        case when coalesce(events.user_id, identities.user_id) is null then events.anonymous_id end as unknown_user_id
    from {{ ref('int_current_events') }} as events
    left join {{ ref('int_identities') }} as identities on events.anonymous_id = identities.anonymous_id
    where events.session_id is not null

)

-- One known user beside one device that nothing links to anybody is a login, not two shoppers.
select session_id
from events
group by session_id
having
    min(known_user_id) != max(known_user_id)
    or min(unknown_user_id) != max(unknown_user_id)
    or max(event_timestamp) > {{ dbt.dateadd('hour', var('longest_session_hours'), 'min(event_timestamp)') }}
