{{
    config(
        materialized='parts',
        entity='user_id',
        entities='int_users',
        asked='int_personal_behaviour',
        in_chunks=true
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users')) }}

),

events as (

    select behaviour.*
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id
    where {{ is_interaction('behaviour') }} and {{ in_chunk('behaviour.user_id') }}

)

select
    user_id,
    item_id,
    event_name,
    event_timestamp,
    created_timestamp,
    session_id,
    cast(price as double) as price,
    row_number() over (
        partition by user_id
        order by {{ event_order() }}
    ) as nth
from events
