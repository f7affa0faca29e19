{{
    config(
        materialized='chunked',
        rows_per_event=2,
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
        behaviour.user_id,
        behaviour.event_date,
        behaviour.category,
        behaviour.brand,
        {{ utc_hour('behaviour.event_timestamp') }} as hour_of_day,
        {{ utc_weekday('behaviour.event_timestamp') }} as day_of_week,
        changed_users.fingerprint
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id
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
        fingerprint,
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

active_days as (

    select distinct
        user_id,
        event_date,
        fingerprint
    from days

),

-- Every day has an hour, so every active day is here, and a day without a brand has those of the days before.
windows as (

    select
        today.user_id,
        today.event_date,
        today.fingerprint,
        past.kind,
        past.taste,
        past.number,
        sum(past.events) as events
    from active_days as today
    inner join days as past
        on today.user_id = past.user_id and past.event_date between today.event_date - 27 and today.event_date
    group by today.user_id, today.event_date, today.fingerprint, past.kind, past.taste, past.number

)

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
    {{ list_element(smallest_by('number', ['-events', 'number'], 1, "kind = 'weekday'"), 1) }} as favourite_weekday,
    fingerprint
from windows
group by user_id, event_date, fingerprint
