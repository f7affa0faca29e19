{{
    config(
        materialized='parts',
        entity=['user_id', 'feature_timestamp'],
        entities='int_user_histories',
        in_chunks=true,
        rows_per_event=2
    )
}}

with

changed_days as (

    {{ changed_entities(['user_id', 'feature_timestamp'], ref('int_user_histories'), others=['event_date']) }}

),

changed_users as (

    select
        user_id,
        min(event_date) as first_day
    from changed_days
    group by user_id

),

-- Back from each shopper's first changed day, how many interactions lie from each day on.
counted as (

    select
        days.user_id,
        days.event_date,
        days.interactions,
        sum(days.interactions) over (
            partition by days.user_id
            order by days.event_date desc
            rows between unbounded preceding and current row
        ) as interactions_since
    from {{ ref('int_user_days') }} as days
    inner join changed_users on days.user_id = changed_users.user_id and days.event_date < changed_users.first_day

),

-- As many as a history holds are before the first changed day; what is earlier is in no history that is made now.
reaches as (

    select
        changed_users.user_id,
        coalesce(min(counted.event_date), changed_users.first_day) as first_day
    from changed_users
    left join counted
        on
            changed_users.user_id = counted.user_id
            and counted.interactions_since - counted.interactions < {{ var('history_length') }}
    group by changed_users.user_id, changed_users.first_day

),

interactions as (

    select
        events.user_id,
        events.event_date,
        events.item_id,
        events.event_name,
        events.known_at,
        row_number() over (
            partition by events.user_id
            order by {{ event_order('events') }}
        ) as nth
    from {{ ref('int_personal_behaviour') }} as events
    inner join reaches on events.user_id = reaches.user_id and events.event_date >= reaches.first_day
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
    changed_days.feature_timestamp,
    {{ largest_of(list_part('histories.known_ats', 'days.first_nth', 'days.last_nth')) }} as created_timestamp,
    {{ list_part('histories.item_ids', 'days.first_nth', 'days.last_nth') }} as item_ids,
    {{ list_part('histories.event_names', 'days.first_nth', 'days.last_nth') }} as event_names
from days
inner join changed_days on days.user_id = changed_days.user_id and days.event_date = changed_days.event_date
inner join histories on days.user_id = histories.user_id
