{{
    config(
        schema='intermediate',
        contract={'enforced': false},
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ forget_changed('user_id', ref('int_users'), ref('int_behaviour')) }}"
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users')) }}

),

tastes as (

    select
        behaviour.user_id,
        behaviour.event_date,
        changed_users.fingerprint,
        unnest(['category', 'brand', 'hour', 'weekday']) as kind,
        unnest([
            behaviour.category,
            behaviour.brand,
            lpad(cast(extract(hour from behaviour.event_timestamp at time zone 'UTC') as varchar), 2, '0'),
            cast(extract(isodow from behaviour.event_timestamp at time zone 'UTC') as varchar)
        ]) as taste
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id

),

days as (

    select
        user_id,
        event_date,
        fingerprint,
        kind,
        taste,
        count(*) as events
    from tastes
    where taste is not null
    group by user_id, event_date, fingerprint, kind, taste

),

active_days as (

    select distinct
        user_id,
        event_date,
        fingerprint
    from days

),

-- Every day has an hour, so every active day is here, and a day without a brand has those of the days before.
ranked as (

    select
        today.user_id,
        today.event_date,
        today.fingerprint,
        past.kind,
        past.taste,
        sum(past.events) as events,
        row_number() over (
            partition by today.user_id, today.event_date, past.kind
            order by sum(past.events) desc, past.taste
        ) as nth,
        sum(sum(past.events)) over (partition by today.user_id, today.event_date, past.kind) as all_events
    from active_days as today
    inner join days as past
        on today.user_id = past.user_id and past.event_date between today.event_date - 27 and today.event_date
    group by today.user_id, today.event_date, today.fingerprint, past.kind, past.taste

)

select
    user_id,
    event_date,
    list(taste order by nth) filter (where kind = 'category' and nth <= 3) as top_categories,
    max(events / cast(all_events as double)) filter (where kind = 'category' and nth = 1) as category_share_28d,
    list(taste order by nth) filter (where kind = 'brand' and nth <= 3) as top_brands,
    max(events / cast(all_events as double)) filter (where kind = 'brand' and nth = 1) as brand_share_28d,
    max(taste) filter (where kind = 'hour' and nth = 1) as favourite_hour,
    max(taste) filter (where kind = 'weekday' and nth = 1) as favourite_weekday,
    fingerprint
from ranked
group by user_id, event_date, fingerprint
