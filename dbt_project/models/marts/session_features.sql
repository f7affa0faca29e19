{{
    config(
        materialized='chunked',
        changed_events="{{ changed_events('session_id', ref('int_sessions')) }}",
        pre_hook="{{ forget_changed('session_id', ref('int_sessions'), ref('int_behaviour')) }}"
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions')) }}

),

-- What follows the first checkout or purchase says nothing about whether a purchase will come.
events as (

    select
        behaviour.*,
        changed_sessions.fingerprint,
        lag(behaviour.event_timestamp) over ordered as previous_at,
        row_number() over (
            partition by behaviour.session_id, behaviour.item_id
            order by behaviour.event_timestamp, behaviour.event_id, behaviour.line_number, behaviour.source
        ) = 1 and behaviour.item_id is not null as is_new_item,
        row_number() over (
            partition by behaviour.session_id, behaviour.category
            order by behaviour.event_timestamp, behaviour.event_id, behaviour.line_number, behaviour.source
        ) = 1 and behaviour.category is not null as is_new_category
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_sessions on behaviour.session_id = changed_sessions.session_id
    inner join {{ ref('int_sessions') }} as sessions on behaviour.session_id = sessions.session_id
    where
        (sessions.checked_out_at is null or behaviour.event_timestamp < sessions.checked_out_at)
        and {{ in_chunk('behaviour.session_id') }}
    window ordered as (
        partition by behaviour.session_id
        order by behaviour.event_timestamp, behaviour.event_id, behaviour.line_number, behaviour.source
    )

),

shapes as (

    select
        session_id,
        user_id,
        event_timestamp,
        max(created_timestamp) over so_far as created_timestamp,
        count(*) over so_far as events_so_far,
        count(*) filter (where event_name = 'view_item') over so_far as views_so_far,
        count(*) filter (where event_name = 'search') over so_far as searches_so_far,
        count(*) filter (where event_name = 'add_to_wishlist') over so_far as wishlists_so_far,
        count(*) filter (where event_name = 'add_to_cart') over so_far as carts_so_far,
        count(*) filter (where event_name = 'remove_from_cart') over so_far as cart_removals_so_far,
        count(*) filter (where event_name = 'view_cart') over so_far as cart_views_so_far,
        count(*) filter (where is_new_item) over so_far as distinct_items_so_far,
        count(*) filter (where is_new_category) over so_far as distinct_categories_so_far,
        {{ seconds_between('min(event_timestamp) over so_far', 'event_timestamp') }} as seconds_since_start,
        {{ seconds_between('coalesce(previous_at, event_timestamp)', 'event_timestamp') }} as seconds_since_last_event,
        cast(min(price) over so_far as double) as min_price_so_far,
        cast(sum(price) over so_far as double) / nullif(count(price) over so_far, 0) as mean_price_so_far,
        cast(max(price) over so_far as double) as max_price_so_far,
        cast({{ utc_hour('event_timestamp') }} as bigint) as hour_of_day,
        cast({{ utc_weekday('event_timestamp') }} as bigint) as day_of_week,
        event_name as last_event_name,
        row_number() over (
            partition by session_id, event_timestamp
            order by event_id desc, line_number desc, source desc
        ) as nth_newest,
        fingerprint
    from events
    window
        so_far as (
            partition by session_id
            order by event_timestamp, event_id, line_number, source
            rows between unbounded preceding and current row
        )

)

-- Events of one instant are known together: the last of them stands for all.
select {{ all_but(['nth_newest']) }}
from shapes
where nth_newest = 1
