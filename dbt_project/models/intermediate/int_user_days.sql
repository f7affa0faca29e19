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

-- Flags of first times add up over days, where distinct counts do not.
events as (

    select
        behaviour.*,
        changed_users.fingerprint,
        row_number() over (
            partition by behaviour.user_id, behaviour.session_id
            order by {{ event_order('behaviour') }}
        ) = 1 as starts_session,
        behaviour.event_name = 'purchase' and row_number() over (
            partition by behaviour.user_id, behaviour.event_name, coalesce(behaviour.order_id, behaviour.event_id)
            order by {{ event_order('behaviour') }}
        ) = 1 as starts_order
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id
    where {{ in_chunk('behaviour.user_id') }}

)

select
    user_id,
    event_date,
    count(*) as events,
    count(*) filter (where event_name = 'view_item') as views,
    count(*) filter (where event_name = 'add_to_cart') as carts,
    count(*) filter (where event_name = 'purchase') as purchases,
    count(*) filter (where starts_session) as sessions,
    count(*) filter (where starts_order) as orders,
    coalesce(sum(revenue) filter (where event_name = 'purchase'), 0) as revenue,
    sum(price) as price_sum,
    count(price) as price_count,
    min(event_timestamp) as first_event_at,
    max(event_timestamp) as last_event_at,
    max(event_timestamp) filter (where event_name = 'purchase') as last_order_at,
    max(known_at) as known_at,
    fingerprint
from events
group by user_id, event_date, fingerprint
