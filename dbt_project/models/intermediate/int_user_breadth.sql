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

item_days as (

    select
        behaviour.user_id,
        behaviour.event_date,
        behaviour.item_id,
        behaviour.category,
        changed_users.fingerprint,
        count(*) as events
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id
    where {{ in_chunk('behaviour.user_id') }}
    group by all

),

items as (

    select distinct
        user_id,
        event_date,
        fingerprint,
        {{ distinct_count_over('item_id', 'four_weeks') }} as distinct_items_28d
    from item_days
    window four_weeks as (
        partition by user_id
        order by event_date
        range between interval 27 days preceding and current row
    )

),

categories as (

    select
        items.user_id,
        items.event_date,
        item_days.category,
        row_number() over (
            partition by items.user_id, items.event_date
            order by sum(item_days.events) desc, item_days.category
        ) as nth
    from items
    inner join item_days
        on
            items.user_id = item_days.user_id
            and item_days.event_date between items.event_date - 27 and items.event_date
    where item_days.category is not null
    group by items.user_id, items.event_date, item_days.category

)

select
    items.user_id,
    items.event_date,
    items.distinct_items_28d,
    categories.category as favourite_category,
    items.fingerprint
from items
left join categories
    on items.user_id = categories.user_id and items.event_date = categories.event_date and categories.nth = 1
