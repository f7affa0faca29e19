{{
    config(
        materialized='chunked',
        changed_events="{{ changed_events('user_id', ref('int_users')) }}",
        pre_hook="{{ forget_changed('user_id', ref('int_users'), ref('int_personal_behaviour')) }}"
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users')) }}

),

events as (

    select
        behaviour.*,
        changed_users.fingerprint
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
    ) as nth,
    fingerprint
from events
