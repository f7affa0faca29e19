{{
    config(
        materialized='parts',
        entity='user_id',
        entities='int_users',
        asked='int_personal_behaviour',
        in_chunks=true,
        rows_per_event=2
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users')) }}

),

-- Named one by one: DuckDB keeps what is read more than once, and all columns of all events are more than its memory.
events as (

    select
        behaviour.user_id,
        behaviour.event_date,
        behaviour.event_timestamp,
        behaviour.event_id,
        behaviour.event_hash,
        behaviour.line_number,
        behaviour.source,
        behaviour.event_name,
        behaviour.item_id,
        behaviour.session_id,
        behaviour.price,
        behaviour.value,
        behaviour.known_at,
        {{ utc_hour('behaviour.event_timestamp') }} as hour_of_day,
        {{ utc_weekday('behaviour.event_timestamp') }} as day_of_week
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id
    where {{ in_chunk('behaviour.user_id') }}

),

bought as (

    select distinct
        user_id,
        item_id
    from events
    where event_name = 'purchase' and price is not null

),

-- A price counts as a discount when this shopper had seen the same item dearer before.
seen as (

    select
        events.user_id,
        events.event_date,
        events.event_name,
        events.price < max(events.price) over (
            partition by events.user_id, events.item_id
            order by {{ event_order('events') }}
            rows between unbounded preceding and 1 preceding
        ) as is_below_seen_price
    from events
    inner join bought on events.user_id = bought.user_id and events.item_id = bought.item_id
    where events.price is not null

),

discounts as (

    select
        user_id,
        event_date,
        count(*) as discounted_lines
    from seen
    where event_name = 'purchase' and is_below_seen_price
    group by user_id, event_date

),

days as (

    select
        user_id,
        event_date,
        max(known_at) as known_at,
        count(*) as events,
        count(distinct session_id) as sessions,
        count(*) filter (where day_of_week >= 6) as weekend_events,
        count(*) filter (where hour_of_day >= 18) as evening_events,
        count(*) filter (where event_name = 'search') as searches,
        count(*) filter (where event_name = 'ask_question') as questions,
        count(*) filter (where event_name = 'rate_item') as reviews,
        count(*) filter (where event_name in ('add_to_cart', 'begin_checkout', 'purchase')) as buying,
        count(*) filter (where event_name = 'purchase' and price is not null) as priced_lines,
        sum(value) filter (where event_name = 'rate_item') as rating_sum,
        count(value) filter (where event_name = 'rate_item') as ratings
    from events
    group by user_id, event_date

),

-- Joined, not windowed: a quantile over a sliding range took nine times as long.
prices as (

    select
        days.user_id,
        days.event_date,
        {{ quartiles('cast(past.price as double)') }} as price_quartiles
    from days
    inner join events as past
        on days.user_id = past.user_id and past.event_date between days.event_date - 27 and days.event_date
    where past.price is not null
    group by days.user_id, days.event_date

)

select
    days.user_id,
    {{ day_end('days.event_date') }} as feature_timestamp,
    max(days.known_at) over so_far as created_timestamp,
    count(*) over four_weeks as active_days_28d,
    cast({{ dbt.datediff('min(days.event_date) over four_weeks', 'days.event_date', 'day') }} as double)
    / nullif(count(*) over four_weeks - 1, 0) as days_between_visits_28d,
    sum(days.events) over four_weeks / cast(sum(days.sessions) over four_weeks as double) as events_per_session_28d,
    tastes.top_categories,
    tastes.category_share_28d,
    tastes.top_brands,
    tastes.brand_share_28d,
    {{ list_element('prices.price_quartiles', 1) }} as price_low_28d,
    {{ list_element('prices.price_quartiles', 2) }} as price_median_28d,
    {{ list_element('prices.price_quartiles', 3) }} as price_high_28d,
    sum(coalesce(discounts.discounted_lines, 0)) over four_weeks
    / nullif(cast(sum(days.priced_lines) over four_weeks as double), 0)
        as discount_share_28d,
    cast(tastes.favourite_hour as bigint) as favourite_hour,
    cast(tastes.favourite_weekday as bigint) as favourite_weekday,
    sum(days.evening_events) over four_weeks / cast(sum(days.events) over four_weeks as double) as evening_share_28d,
    sum(days.weekend_events) over four_weeks / cast(sum(days.events) over four_weeks as double) as weekend_share_28d,
    cast(sum(days.rating_sum) over so_far as double) / nullif(sum(days.ratings) over so_far, 0) as mean_rating_given,
    sum(days.searches) over four_weeks / cast(sum(days.events) over four_weeks as double) as search_share_28d,
    sum(days.questions) over four_weeks / cast(sum(days.events) over four_weeks as double) as question_share_28d,
    sum(days.reviews) over four_weeks / cast(sum(days.events) over four_weeks as double) as review_share_28d,
    sum(days.buying) over four_weeks / cast(sum(days.events) over four_weeks as double) as buying_share_28d
from days
left join discounts on days.user_id = discounts.user_id and days.event_date = discounts.event_date
left join prices on days.user_id = prices.user_id and days.event_date = prices.event_date
inner join {{ ref('int_user_taste_days') }} as tastes
    on days.user_id = tastes.user_id and days.event_date = tastes.event_date and {{ in_chunk('tastes.user_id') }}
window
    four_weeks as (
        partition by days.user_id order by days.event_date range between interval 27 days preceding and current row
    ),
    so_far as (
        partition by days.user_id order by days.event_date range between unbounded preceding and current row
    )
