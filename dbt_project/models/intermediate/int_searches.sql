{{
    config(
        materialized='chunked',
        entity='session_id',
        entities='int_sessions',
        condition='is_usable and searches > 0'
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions'), 'is_usable and searches > 0') }}

),

actions as (

    select
        behaviour.session_id,
        behaviour.event_timestamp,
        behaviour.user_id,
        behaviour.event_name,
        behaviour.item_id,
        lower(behaviour.query) as query,
        behaviour.search_results,
        lead(behaviour.event_name) over session as next_event_name,
        lead(lower(behaviour.query)) over session as next_query,
        lead(behaviour.item_id) over session as next_item_id
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_sessions on behaviour.session_id = changed_sessions.session_id
    where behaviour.event_name in ('search', 'select_item', 'view_item') and {{ in_chunk('behaviour.session_id') }}
    window session as (
        partition by behaviour.session_id
        order by {{ event_order('behaviour') }}
    )

)

select
    session_id,
    event_timestamp,
    user_id,
    query,
    search_results,
    coalesce(next_event_name in ('select_item', 'view_item'), false) as is_clicked,
    coalesce(next_event_name = 'search' and next_query != query, false) as is_refined,
    case when next_event_name in ('select_item', 'view_item') then next_item_id end as clicked_item_id
from actions
where event_name = 'search' and query is not null
