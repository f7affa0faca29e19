{{
    config(
        materialized='chunked',
        entity=['user_id', 'event_date'],
        entities='int_user_histories'
    )
}}

with

changed_days as (

    {{ changed_entities(['user_id', 'event_date'], ref('int_user_histories')) }}

),

-- Named one by one: DuckDB keeps what is read more than once, and all columns of all events are more than its memory.
events as (

    select
        behaviour.user_id,
        behaviour.event_date,
        behaviour.event_timestamp,
        behaviour.event_name,
        behaviour.item_id,
        behaviour.session_id,
        coalesce(behaviour.order_id, behaviour.event_id) as order_name,
        behaviour.price,
        behaviour.value,
        behaviour.revenue,
        behaviour.known_at,
        {{ is_interaction('behaviour') }} as is_interaction,
        {{ utc_hour('behaviour.event_timestamp') }} as hour_of_day,
        {{ utc_weekday('behaviour.event_timestamp') }} as day_of_week
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_days
        on behaviour.user_id = changed_days.user_id and behaviour.event_date = changed_days.event_date
    where {{ in_chunk('behaviour.user_id') }}

),

seen_orders as (

    select distinct
        user_id,
        order_name
    from events
    where event_name = 'purchase'

),

bought as (

    select distinct
        user_id,
        item_id
    from events
    where event_name = 'purchase' and price is not null

),

-- First days add up over days, where distinct counts do not. A session or an order may have begun before these days.
{% if is_later_run() -%}
seen_sessions as (

    select distinct
        user_id,
        session_id
    from events

),

sessions as (

    select
        behaviour.user_id,
        behaviour.session_id,
        min(behaviour.event_date) as event_date
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join seen_sessions as seen on behaviour.user_id = seen.user_id and behaviour.session_id = seen.session_id
    where {{ in_chunk('behaviour.user_id') }}
    group by behaviour.user_id, behaviour.session_id

),
{%- else -%}
sessions as (

    select
        user_id,
        session_id,
        min(event_date) as event_date
    from events
    group by user_id, session_id

),
{%- endif %}

orders as (

    select
        behaviour.user_id,
        coalesce(behaviour.order_id, behaviour.event_id) as order_name,
        min(behaviour.event_date) as event_date
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join seen_orders as seen
        on behaviour.user_id = seen.user_id and coalesce(behaviour.order_id, behaviour.event_id) = seen.order_name
    where behaviour.event_name = 'purchase' and {{ in_chunk('behaviour.user_id') }}
    group by behaviour.user_id, coalesce(behaviour.order_id, behaviour.event_id)

),

begun_sessions as (

    select
        user_id,
        event_date,
        count(*) as sessions
    from sessions
    group by user_id, event_date

),

begun_orders as (

    select
        user_id,
        event_date,
        count(*) as orders
    from orders
    group by user_id, event_date

),

-- A price counts as a discount when this shopper had seen the same item dearer before, on whichever day.
seen_prices as (

    select
        behaviour.user_id,
        behaviour.event_date,
        behaviour.event_name,
        behaviour.price < max(behaviour.price) over (
            partition by behaviour.user_id, behaviour.item_id
            order by {{ event_order('behaviour') }}
            rows between unbounded preceding and 1 preceding
        ) as is_below_seen_price
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join bought on behaviour.user_id = bought.user_id and behaviour.item_id = bought.item_id
    where behaviour.price is not null and {{ in_chunk('behaviour.user_id') }}

),

discounts as (

    select
        user_id,
        event_date,
        count(*) as discounted_lines
    from seen_prices
    where event_name = 'purchase' and is_below_seen_price
    group by user_id, event_date

),

days as (

    select
        user_id,
        event_date,
        count(*) as events,
        count(*) filter (where is_interaction) as interactions,
        count(*) filter (where event_name = 'view_item') as views,
        count(*) filter (where event_name = 'add_to_cart') as carts,
        count(*) filter (where event_name = 'purchase') as purchases,
        count(distinct session_id) as visited_sessions,
        count(*) filter (where day_of_week >= 6) as weekend_events,
        count(*) filter (where hour_of_day >= 18) as evening_events,
        count(*) filter (where event_name = 'search') as searches,
        count(*) filter (where event_name = 'ask_question') as questions,
        count(*) filter (where event_name = 'rate_item') as reviews,
        count(*) filter (where event_name in ('add_to_cart', 'begin_checkout', 'purchase')) as buying_events,
        count(*) filter (where event_name = 'purchase' and price is not null) as priced_lines,
        coalesce(sum(revenue) filter (where event_name = 'purchase'), 0) as revenue,
        sum(price) as price_sum,
        count(price) as price_count,
        sum(value) filter (where event_name = 'rate_item') as rating_sum,
        count(value) filter (where event_name = 'rate_item') as ratings,
        min(event_timestamp) as first_event_at,
        max(event_timestamp) as last_event_at,
        max(event_timestamp) filter (where event_name = 'purchase') as last_order_at,
        max(known_at) as known_at
    from events
    group by user_id, event_date

)

select
    days.*,
    coalesce(begun_sessions.sessions, 0) as sessions,
    coalesce(begun_orders.orders, 0) as orders,
    coalesce(discounts.discounted_lines, 0) as discounted_lines
from days
left join begun_sessions on days.user_id = begun_sessions.user_id and days.event_date = begun_sessions.event_date
left join begun_orders on days.user_id = begun_orders.user_id and days.event_date = begun_orders.event_date
left join discounts on days.user_id = discounts.user_id and days.event_date = discounts.event_date
