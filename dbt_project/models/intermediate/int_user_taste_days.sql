{{
    config(
        materialized='chunked',
        entity=['user_id', 'event_date'],
        entities='int_user_histories',
        rows_per_event=2
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

events as (

    select
        behaviour.user_id,
        behaviour.event_date,
        behaviour.item_id,
        behaviour.category,
        behaviour.brand,
        {{ utc_hour('behaviour.event_timestamp') }} as hour_of_day,
        {{ utc_weekday('behaviour.event_timestamp') }} as day_of_week
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users
        on behaviour.user_id = changed_users.user_id and behaviour.event_date >= changed_users.first_day - 27
    where {{ in_chunk('behaviour.user_id') }}

),

days as (

    {% for kind, taste, number in [
        ('category', 'category', '0'),
        ('brand', 'brand', '0'),
        ('hour', "''", 'hour_of_day'),
        ('weekday', "''", 'day_of_week')
    ] -%}
    select
        user_id,
        event_date,
        '{{ kind }}' as kind,
        {{ taste }} as taste,
        {{ number }} as number,
        count(*) as events
    from events
    where {{ taste }} is not null
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Every day has an hour, so every active day is here, and a day without a brand has those of the days before.
windows as (

    select
        today.user_id,
        today.event_date,
        past.kind,
        past.taste,
        past.number,
        sum(past.events) as events
    from changed_days as today
    inner join days as past
        on today.user_id = past.user_id and past.event_date between today.event_date - 27 and today.event_date
    group by today.user_id, today.event_date, past.kind, past.taste, past.number

),

favourites as (

    select
        user_id,
        event_date,
        {{ smallest_by('taste', ['-events', 'taste'], 3, "kind = 'category'") }} as top_categories,
        max(events) filter (where kind = 'category') / cast(sum(events) filter (where kind = 'category') as double)
            as category_share_28d,
        {{ smallest_by('taste', ['-events', 'taste'], 3, "kind = 'brand'") }} as top_brands,
        max(events) filter (where kind = 'brand') / cast(sum(events) filter (where kind = 'brand') as double)
            as brand_share_28d,
        -- The hour and the weekday with the most events, the earliest of equals.
        {{ list_element(smallest_by('number', ['-events', 'number'], 1, "kind = 'hour'"), 1) }} as favourite_hour,
        {{ list_element(smallest_by('number', ['-events', 'number'], 1, "kind = 'weekday'"), 1) }} as favourite_weekday
    from windows
    group by user_id, event_date

),

item_days as (

    select distinct
        user_id,
        event_date,
        item_id
    from events

),

breadths as (

    select distinct
        user_id,
        event_date,
        {{ distinct_count_over('item_id', 'four_weeks') }} as distinct_items_28d
    from item_days
    window four_weeks as (
        partition by user_id
        order by event_date
        range between interval 27 days preceding and current row
    )

)

select
    favourites.*,
    breadths.distinct_items_28d
from favourites
inner join breadths on favourites.user_id = breadths.user_id and favourites.event_date = breadths.event_date
