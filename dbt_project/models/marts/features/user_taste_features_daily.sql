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

changed_users as (

    select
        user_id,
        min(event_date) as first_day
    from changed_days
    group by user_id

),

past as (

    select
        behaviour.user_id,
        behaviour.event_date,
        cast(behaviour.price as double) as price
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users
        on behaviour.user_id = changed_users.user_id and behaviour.event_date >= changed_users.first_day - 27
    where behaviour.price is not null and {{ in_chunk('behaviour.user_id') }}

),

-- Joined, not windowed: a quantile over a sliding range took nine times as long.
prices as (

    select
        today.user_id,
        today.event_date,
        {{ quartiles('past.price') }} as price_quartiles
    from changed_days as today
    inner join past
        on today.user_id = past.user_id and past.event_date between today.event_date - 27 and today.event_date
    group by today.user_id, today.event_date

),

features as (

    select
        days.user_id,
        days.event_date,
        max(days.known_at) over so_far as created_timestamp,
        count(*) over four_weeks as active_days_28d,
        cast({{ dbt.datediff('min(days.event_date) over four_weeks', 'days.event_date', 'day') }} as double)
        / nullif(count(*) over four_weeks - 1, 0) as days_between_visits_28d,
        sum(days.events) over four_weeks / cast(sum(days.visited_sessions) over four_weeks as double)
            as events_per_session_28d,
        sum(days.discounted_lines) over four_weeks / nullif(cast(sum(days.priced_lines) over four_weeks as double), 0)
            as discount_share_28d,
        cast(sum(days.rating_sum) over so_far as double) / nullif(sum(days.ratings) over so_far, 0)
            as mean_rating_given,
        sum(days.evening_events) over four_weeks
        / cast(sum(days.events) over four_weeks as double) as evening_share_28d,
        sum(days.weekend_events) over four_weeks
        / cast(sum(days.events) over four_weeks as double) as weekend_share_28d,
        sum(days.searches) over four_weeks / cast(sum(days.events) over four_weeks as double) as search_share_28d,
        sum(days.questions) over four_weeks / cast(sum(days.events) over four_weeks as double) as question_share_28d,
        sum(days.reviews) over four_weeks / cast(sum(days.events) over four_weeks as double) as review_share_28d,
        sum(days.buying_events) over four_weeks / cast(sum(days.events) over four_weeks as double) as buying_share_28d
    from {{ ref('int_user_days') }} as days
    where days.user_id in (select changed_users.user_id from changed_users) and {{ in_chunk('days.user_id') }}
    window
        four_weeks as (
            partition by days.user_id order by days.event_date range between interval 27 days preceding and current row
        ),
        so_far as (
            partition by days.user_id order by days.event_date range between unbounded preceding and current row
        )

)

select
    changed_days.user_id,
    changed_days.feature_timestamp,
    features.created_timestamp,
    features.active_days_28d,
    features.days_between_visits_28d,
    features.events_per_session_28d,
    tastes.top_categories,
    tastes.category_share_28d,
    tastes.top_brands,
    tastes.brand_share_28d,
    {{ list_element('prices.price_quartiles', 1) }} as price_low_28d,
    {{ list_element('prices.price_quartiles', 2) }} as price_median_28d,
    {{ list_element('prices.price_quartiles', 3) }} as price_high_28d,
    features.discount_share_28d,
    cast(tastes.favourite_hour as bigint) as favourite_hour,
    cast(tastes.favourite_weekday as bigint) as favourite_weekday,
    features.evening_share_28d,
    features.weekend_share_28d,
    features.mean_rating_given,
    features.search_share_28d,
    features.question_share_28d,
    features.review_share_28d,
    features.buying_share_28d
from changed_days
inner join features on changed_days.user_id = features.user_id and changed_days.event_date = features.event_date
inner join {{ ref('int_user_taste_days') }} as tastes
    on changed_days.user_id = tastes.user_id and changed_days.event_date = tastes.event_date
left join prices on changed_days.user_id = prices.user_id and changed_days.event_date = prices.event_date
