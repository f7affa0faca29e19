-- The days of daily_kpis add up to sessions and orders, to the last digit.
with

days as (

    select
        coalesce(sum(sessions), 0) as sessions,
        coalesce(sum(converting_sessions), 0) as converting_sessions,
        coalesce(sum(bounces), 0) as bounces,
        coalesce(sum(product_views), 0) as product_views,
        coalesce(sum(new_visitors), 0) as visitors,
        coalesce(sum(orders), 0) as orders,
        coalesce(sum(units), 0) as units,
        coalesce(sum(gross_revenue), 0) as gross_revenue,
        coalesce(sum(net_revenue), 0) as net_revenue,
        coalesce(sum(given_back), 0) as refunded_revenue
    from {{ ref('daily_kpis') }}

),

visits as (

    select
        count(*) as sessions,
        count(*) filter (where converted) as converting_sessions,
        count(*) filter (where is_bounce) as bounces,
        coalesce(sum(views), 0) as product_views,
        count(distinct user_id) as visitors
    from {{ ref('sessions') }}
    where not is_bot

),

sales as (

    select
        count(ordered_at) as orders,
        coalesce(sum(quantity), 0) as units,
        coalesce(sum(gross_revenue), 0) as gross_revenue,
        coalesce(sum(net_revenue), 0) as net_revenue,
        coalesce(sum(refunded_revenue), 0) as refunded_revenue
    from {{ ref('orders') }}

)

select days.*
from days
cross join visits
cross join sales
where
    days.sessions != visits.sessions
    or days.converting_sessions != visits.converting_sessions
    or days.bounces != visits.bounces
    or days.product_views != visits.product_views
    or days.visitors != visits.visitors
    or days.orders != sales.orders
    or days.units != sales.units
    or days.gross_revenue != sales.gross_revenue
    or days.net_revenue != sales.net_revenue
    or days.refunded_revenue != sales.refunded_revenue
