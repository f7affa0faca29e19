with

orders as (

    select * from {{ ref('orders') }}

),

reached as (

    select
        order_number,
        count(*) as customers,
        count(days_since_previous_order) as intervals,
        {{ quantile('days_since_previous_order', 0.25) }} as days_p25,
        {{ quantile('days_since_previous_order', 0.5) }} as days_median,
        {{ quantile('days_since_previous_order', 0.75) }} as days_p75
    from orders
    where order_number is not null
    group by order_number

)

select
    order_number,
    customers,
    lag(customers) over (order by order_number) as customers_before,
    customers / cast(lag(customers) over (order by order_number) as double) as repeat_rate,
    days_p25,
    days_median,
    days_p75
from reached
