{{
    config(
        materialized='parts',
        entity=['user_id', 'feature_timestamp'],
        entities='int_user_histories',
        in_chunks=true
    )
}}

with

changed_days as (

    {{ changed_entities(['user_id', 'feature_timestamp'], ref('int_user_histories'), others=['event_date']) }}

),

-- Of the categories that changed days touch: only they have rows on those days.
touched as (

    select distinct
        behaviour.user_id,
        behaviour.category
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_days
        on behaviour.user_id = changed_days.user_id and behaviour.event_date = changed_days.event_date
    where behaviour.category is not null and {{ in_chunk('behaviour.user_id') }}

),

days as (

    select
        behaviour.user_id,
        behaviour.category,
        behaviour.event_date,
        max(behaviour.known_at) as known_at,
        count(*) as events,
        count(*) filter (where behaviour.event_name = 'view_item') as views,
        count(*) filter (where behaviour.event_name = 'add_to_cart') as carts,
        count(*) filter (where behaviour.event_name = 'purchase') as purchases,
        coalesce(sum(behaviour.revenue) filter (where behaviour.event_name = 'purchase'), 0) as revenue
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join touched on behaviour.user_id = touched.user_id and behaviour.category = touched.category
    where {{ in_chunk('behaviour.user_id') }}
    group by behaviour.user_id, behaviour.category, behaviour.event_date

),

features as (

    select
        user_id,
        category,
        event_date,
        max(known_at) over so_far as created_timestamp,
        cast(sum(events) over so_far as bigint) as category_events_total,
        cast(sum(purchases) over so_far as bigint) as category_purchases_total,
        cast(sum(events) over four_weeks as bigint) as category_events_28d,
        cast(sum(views) over four_weeks as bigint) as category_views_28d,
        cast(sum(carts) over four_weeks as bigint) as category_carts_28d,
        cast(sum(purchases) over four_weeks as bigint) as category_purchases_28d,
        cast(sum(revenue) over four_weeks as double) as category_revenue_28d
    from days
    window
        four_weeks as (
            partition by user_id, category
            order by event_date range between interval 27 days preceding and current row
        ),
        so_far as (
            partition by user_id, category
            order by event_date range between unbounded preceding and current row
        )

)

select
    features.user_id,
    features.category,
    changed_days.feature_timestamp,
    {{ all_but(['user_id', 'category', 'event_date'], 'features') }}
from features
inner join changed_days on features.user_id = changed_days.user_id and features.event_date = changed_days.event_date
