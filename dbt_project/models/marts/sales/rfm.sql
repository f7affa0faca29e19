with

orders as (

    select orders.*
    from {{ ref('orders') }} as orders
    inner join {{ ref('int_users') }} as users on orders.user_id = users.user_id
    where users.is_personal

),

newest as (

    select max(last_seen_at) as newest_at from {{ ref('int_users') }}

),

customers as (

    select
        user_id,
        max(ordered_at) as last_order_at,
        count(ordered_at) as orders,
        -- With credit notes, which are orders that only give back.
        cast(sum(net_revenue) as decimal(18, 4)) as net_revenue
    from orders
    group by user_id
    having count(ordered_at) > 0

),

-- Equal customers get equal scores: the share of customers below decides, not a place in a row.
scored as (

    select
        *,
        cast(least(floor(percent_rank() over (order by last_order_at) * 5), 4) as integer) + 1 as recency_score,
        cast(least(floor(percent_rank() over (order by orders) * 5), 4) as integer) + 1 as frequency_score,
        cast(least(floor(percent_rank() over (order by net_revenue) * 5), 4) as integer) + 1 as monetary_score
    from customers

)

select
    scored.user_id,
    scored.last_order_at,
    {{ dbt.datediff(shop_date('scored.last_order_at'), shop_date('newest.newest_at'), 'day') }} as recency_days,
    scored.orders,
    scored.net_revenue,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score,
    case
        when scored.orders = 1 and scored.recency_score >= 4 then 'new'
        when scored.recency_score >= 4 and scored.frequency_score >= 4 then 'champion'
        when scored.recency_score >= 3 and scored.frequency_score >= 3 then 'loyal'
        when scored.recency_score >= 3 then 'promising'
        when scored.frequency_score >= 3 then 'at_risk'
        when scored.recency_score = 2 then 'hibernating'
        else 'lost'
    end as life_cycle_stage
from scored
cross join newest
