with

activity as (

    select * from {{ ref('int_users') }}

),

known_users as (

    select * from {{ ref('int_accounts') }}

),

orders as (

    select
        user_id,
        count(distinct coalesce(order_id, event_id)) as orders,
        max(event_timestamp) as last_order_at,
        sum(revenue) as revenue
    from {{ ref('int_session_events') }}
    where event_name = 'purchase'
    group by user_id

),

newest as (

    select max(last_seen_at) as newest_at from activity

),

joined as (

    select
        coalesce(activity.user_id, known_users.user_id) as user_id,
        known_users.created_at,
        coalesce(activity.country, known_users.country) as country,
        known_users.age_band,
        known_users.gender,
        coalesce(activity.consent, known_users.consent, {{ unstated_consent() }}) as consent,
        activity.first_seen_at,
        activity.last_seen_at,
        coalesce(activity.is_bot, false) as is_bot,
        coalesce(orders.orders, 0) as orders,
        cast(coalesce(orders.revenue, 0) as double) as revenue,
        {{ dbt.datediff(shop_date('orders.last_order_at'), shop_date('newest.newest_at'), 'day') }} as order_age,
        {{ dbt.datediff(shop_date('activity.last_seen_at'), shop_date('newest.newest_at'), 'day') }} as visit_age
    from activity
    full outer join known_users on activity.user_id = known_users.user_id
    left join orders on activity.user_id = orders.user_id
    cross join newest

)

-- The first that holds. Ages are in days before the newest event of the log: a visitor of the last month may still buy
-- (30); without an order for a quarter a customer is at risk (90), for half a year lost (180); four orders are a habit.
select
    {{ all_but(['order_age', 'visit_age']) }},
    case
        when is_bot then 'bot'
        when not {{ consent_allows('personal') }} then 'not_profiled'
        when orders = 0 and visit_age <= 30 then 'prospect'
        when orders = 0 then 'dormant_visitor'
        when order_age > 180 then 'lost'
        when order_age > 90 then 'at_risk'
        when orders >= 4 and order_age <= 30 then 'champion'
        when orders >= 2 then 'loyal'
        else 'new_customer'
    end as segment
from joined
