with

sessions as (

    select
        *,
        {{ shop_date('started_at') }} as started_on
    from {{ ref('int_sessions') }}
    where not is_bot

),

visits as (

    select
        started_on as event_date,
        count(distinct user_id) as visitors,
        count(*) as sessions,
        count(*) filter (where is_bounce) as bounces,
        sum(views) as product_views,
        sum(carts) as carts,
        sum(checkouts) as checkouts,
        count(*) filter (where purchases > 0) as converting_sessions
    from sessions
    group by started_on

),

first_visits as (

    select
        user_id,
        min(started_on) as event_date
    from sessions
    group by user_id

),

arrivals as (

    select
        event_date,
        count(*) as new_visitors
    from first_visits
    group by event_date

),

-- What an order brought belongs to its day, with all that was ever given back of it; a credit note has its own day.
sales as (

    select
        coalesce(ordered_on, refunded_on) as event_date,
        count(ordered_on) as orders,
        count(distinct case when ordered_on is not null then user_id end) as buyers,
        sum(quantity) as units,
        sum(refunded_quantity) as refunded_units,
        sum(gross_revenue) as gross_revenue,
        sum(refunded_revenue) as refunded_revenue,
        sum(net_revenue) as net_revenue
    from {{ ref('orders') }}
    group by coalesce(ordered_on, refunded_on)

),

-- The same refunds by the day on which they came.
refunds as (

    select
        {{ shop_date('events.event_timestamp') }} as event_date,
        sum(lines.revenue) as given_back
    from {{ ref('int_order_lines') }} as lines
    inner join {{ ref('int_session_events') }} as events on lines.event_hash = events.event_hash
    where lines.event_name = 'refund'
    group by {{ shop_date('events.event_timestamp') }}

),

span as (

    select
        min(event_date) as first_day,
        max(event_date) as last_day
    from (
        select visits.event_date from visits
        union all
        select sales.event_date from sales
        union all
        select refunds.event_date from refunds
    ) as active_days

),

days as (

    select {{ days_through('first_day', 'last_day') }} as event_date
    from span

)

select
    days.event_date,
    coalesce(visits.visitors, 0) as visitors,
    coalesce(arrivals.new_visitors, 0) as new_visitors,
    coalesce(visits.sessions, 0) as sessions,
    coalesce(visits.bounces, 0) as bounces,
    visits.bounces / cast(visits.sessions as double) as bounce_rate,
    cast(coalesce(visits.product_views, 0) as bigint) as product_views,
    cast(coalesce(visits.carts, 0) as bigint) as carts,
    cast(coalesce(visits.checkouts, 0) as bigint) as checkouts,
    coalesce(visits.converting_sessions, 0) as converting_sessions,
    visits.converting_sessions / cast(visits.sessions as double) as conversion_rate,
    coalesce(sales.orders, 0) as orders,
    coalesce(sales.buyers, 0) as buyers,
    cast(coalesce(sales.units, 0) as bigint) as units,
    cast(coalesce(sales.refunded_units, 0) as bigint) as refunded_units,
    cast(coalesce(sales.gross_revenue, 0) as decimal(18, 4)) as gross_revenue,
    cast(coalesce(sales.refunded_revenue, 0) as decimal(18, 4)) as refunded_revenue,
    cast(coalesce(sales.net_revenue, 0) as decimal(18, 4)) as net_revenue,
    cast(coalesce(refunds.given_back, 0) as decimal(18, 4)) as given_back,
    cast(sales.gross_revenue as double) / nullif(sales.orders, 0) as average_order_value
from days
left join visits on days.event_date = visits.event_date
left join arrivals on days.event_date = arrivals.event_date
left join sales on days.event_date = sales.event_date
left join refunds on days.event_date = refunds.event_date
