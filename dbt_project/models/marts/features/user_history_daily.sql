{{
    config(
        materialized='parts',
        entity='user_id',
        entities='int_users',
        asked='int_personal_behaviour',
        in_chunks=true,
        rows_per_event=2
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users')) }}

),

interactions as (

    select
        events.*,
        row_number() over (
            partition by events.user_id
            order by {{ event_order('events') }}
        ) as nth
    from {{ ref('int_personal_behaviour') }} as events
    inner join changed_users on events.user_id = changed_users.user_id
    where {{ is_interaction('events') }} and {{ in_chunk('events.user_id') }}

),

histories as (

    select
        user_id,
        {{ ordered_list('item_id', 'nth') }} as item_ids,
        {{ ordered_list('event_name', 'nth') }} as event_names,
        {{ ordered_list('known_at', 'nth') }} as known_ats
    from interactions
    group by user_id

),

days as (

    select
        user_id,
        event_date,
        max(nth) as last_nth,
        greatest(max(nth) - {{ var('history_length') }} + 1, 1) as first_nth
    from interactions
    group by user_id, event_date

)

select
    days.user_id,
    {{ day_end('days.event_date') }} as feature_timestamp,
    {{ largest_of(list_part('histories.known_ats', 'days.first_nth', 'days.last_nth')) }} as created_timestamp,
    {{ list_part('histories.item_ids', 'days.first_nth', 'days.last_nth') }} as item_ids,
    {{ list_part('histories.event_names', 'days.first_nth', 'days.last_nth') }} as event_names
from days
inner join histories on days.user_id = histories.user_id
