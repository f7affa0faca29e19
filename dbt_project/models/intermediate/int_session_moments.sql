{{
    config(
        materialized='chunked',
        entity='session_id',
        entities='int_sessions'
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions'), others=['checked_out_at']) }}

),

-- What follows the first checkout or purchase says nothing about whether a purchase will come.
ordered as (

    select
        behaviour.session_id,
        behaviour.user_id,
        behaviour.event_timestamp,
        behaviour.created_timestamp,
        behaviour.event_name,
        behaviour.item_id,
        behaviour.category,
        behaviour.price,
        behaviour.list_position,
        row_number() over session as nth,
        {{ seconds_between(
            'coalesce(lag(behaviour.event_timestamp) over session, behaviour.event_timestamp)',
            'behaviour.event_timestamp'
        ) }} as pause,
        coalesce(lead(behaviour.event_timestamp) over session != behaviour.event_timestamp, true) as ends_instant
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_sessions on behaviour.session_id = changed_sessions.session_id
    where
        (
            changed_sessions.checked_out_at is null
            or behaviour.event_timestamp < changed_sessions.checked_out_at
        )
        and {{ in_chunk('behaviour.session_id') }}
    window session as (
        partition by behaviour.session_id
        order by {{ event_order('behaviour') }}
    )

),

-- First times add up over the events of a session, where distinct counts do not.
marked as (

    select
        {{ all_but(['category']) }},
        item_id is not null
        and row_number() over (partition by session_id, item_id order by nth) = 1 as is_new_item,
        category is not null
        and row_number() over (partition by session_id, category order by nth) = 1 as is_new_category
    from ordered

),

moments as (

    select
        session_id,
        user_id,
        event_timestamp,
        max(created_timestamp) over so_far as created_timestamp,
        count(*) filter (where ends_instant) over so_far as position,
        nth as events_so_far,
        count(*) filter (where event_name = 'view_item') over so_far as views_so_far,
        count(*) filter (where event_name = 'search') over so_far as searches_so_far,
        count(*) filter (where event_name = 'add_to_wishlist') over so_far as wishlists_so_far,
        count(*) filter (where event_name = 'add_to_cart') over so_far as carts_so_far,
        count(*) filter (where event_name = 'remove_from_cart') over so_far as cart_removals_so_far,
        count(*) filter (where event_name = 'view_cart') over so_far as cart_views_so_far,
        count(*) filter (where is_new_item) over so_far as distinct_items_so_far,
        count(*) filter (where is_new_category) over so_far as distinct_categories_so_far,
        min(event_timestamp) over so_far as started_at,
        pause,
        max(pause) over so_far as longest_pause,
        max(list_position) over so_far as deepest_position,
        min(price) over so_far as lowest_price,
        max(price) over so_far as highest_price,
        sum(price) over so_far as price_sum,
        count(price) over so_far as prices,
        event_name,
        {{ window_list('event_name', 'last_ten') }} as last_actions,
        {{ window_list('item_id', 'last_ten') }} as last_items,
        ends_instant
    from marked
    window
        so_far as (
            partition by session_id
            order by nth
            rows between unbounded preceding and current row
        ),
        last_ten as (
            partition by session_id
            order by nth
            rows between 9 preceding and current row
        )

)

-- Events of one instant are known together: the last of them stands for all.
select {{ all_but(['ends_instant']) }}
from moments
where ends_instant
