with

events as (

    select * from {{ ref('int_session_events') }}
    where anonymous_id is not null

),

seen as (

    select
        anonymous_id,
        count(distinct case when user_id != anonymous_id then user_id end) as known_users,
        max(case when user_id != anonymous_id then user_id end) as known_user,
        count(*) as events,
        count(distinct session_id) as sessions,
        {{ distinct_values('platform') }} as platforms,
        {{ distinct_values('device') }} as devices,
        min(event_timestamp) as first_seen_at,
        max(event_timestamp) as last_seen_at
    from events
    group by anonymous_id

)

select
    seen.anonymous_id,
    case when seen.known_users = 1 then seen.known_user else seen.anonymous_id end as user_id,
    case
        when seen.known_users = 0 then 'unknown'
        when seen.known_users = 1 then 'linked'
        else 'shared'
    end as status,
    seen.known_users,
    links.linked_at,
    seen.events,
    seen.sessions,
    seen.platforms,
    seen.devices,
    seen.first_seen_at,
    seen.last_seen_at
from seen
left join {{ ref('int_identities') }} as links on seen.anonymous_id = links.anonymous_id
