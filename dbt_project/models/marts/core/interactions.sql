{{
    config(
        materialized='parts',
        entity=['user_id', 'event_date'],
        event_time='event_timestamp',
        entities='int_user_histories',
        in_chunks=true
    )
}}

with

changed_days as (

    {{ changed_entities(['user_id', 'event_date'], ref('int_user_histories')) }}

),

changed_users as (

    select
        user_id,
        min(event_date) as first_day
    from changed_days
    group by user_id

),

earlier as (

    select
        behaviour.user_id,
        count(*) as interactions
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users
        on behaviour.user_id = changed_users.user_id and behaviour.event_date < changed_users.first_day
    where {{ is_interaction('behaviour') if is_later_run() else 'false' }} and {{ in_chunk('behaviour.user_id') }}
    group by behaviour.user_id

),

numbered as (

    select
        behaviour.user_id,
        behaviour.item_id,
        behaviour.event_name,
        behaviour.event_timestamp,
        behaviour.event_date,
        behaviour.created_timestamp,
        behaviour.session_id,
        behaviour.price,
        row_number() over (
            partition by behaviour.user_id
            order by {{ event_order('behaviour') }}
        ) as nth_since
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users
        on behaviour.user_id = changed_users.user_id and behaviour.event_date >= changed_users.first_day
    where {{ is_interaction('behaviour') }} and {{ in_chunk('behaviour.user_id') }}

)

select
    numbered.user_id,
    numbered.item_id,
    numbered.event_name,
    numbered.event_timestamp,
    numbered.created_timestamp,
    numbered.session_id,
    cast(numbered.price as double) as price,
    cast(coalesce(earlier.interactions, 0) + numbered.nth_since as bigint) as nth
from numbered
inner join changed_days on numbered.user_id = changed_days.user_id and numbered.event_date = changed_days.event_date
left join earlier on numbered.user_id = earlier.user_id
