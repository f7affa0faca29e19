{{
    config(
        materialized='parts',
        entity='user_id',
        entities='int_users',
        in_chunks=true
    )
}}
{%- set moment = 'cast(' ~ microseconds('bought_at') ~ ' as ' ~ dbt.type_string() ~ ')' -%}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users')) }}

),

bought as (

    select
        behaviour.user_id,
        behaviour.item_id,
        max(behaviour.event_timestamp) as bought_at,
        max(behaviour.event_date) as event_date,
        max(behaviour.known_at) as known_at
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id
    where
        behaviour.event_name = 'purchase'
        and behaviour.item_id is not null
        and {{ in_chunk('behaviour.user_id') }}
    group by behaviour.user_id, behaviour.item_id

),

numbered as (

    select
        *,
        row_number() over (
            partition by user_id
            order by bought_at desc, item_id desc
        ) as nth_newest
    from bought

)

select
    user_id,
    {{ day_end('max(event_date)') }} as feature_timestamp,
    max(known_at) as created_timestamp,
    {{ ordered_list('item_id', '-nth_newest') }} as bought_item_ids,
    {{ ordered_list(moment, '-nth_newest') }} as bought_us
from numbered
where nth_newest <= {{ var('purchases_length') }}
group by user_id
