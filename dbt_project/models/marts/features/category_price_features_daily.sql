with

days as (

    select
        category,
        event_date,
        max(created_timestamp) as created_timestamp,
        count(price) as prices,
        sum(price) as price_sum,
        min(price) as price_min,
        max(price) as price_max
    from {{ ref('int_behaviour') }}
    where category is not null and price is not null
    group by category, event_date

)

select
    category,
    {{ day_end('event_date') }} as feature_timestamp,
    max(created_timestamp) over so_far as created_timestamp,
    cast(min(price_min) over four_weeks as double) as category_price_min_28d,
    cast(sum(price_sum) over four_weeks as double) / sum(prices) over four_weeks as category_price_mean_28d,
    cast(max(price_max) over four_weeks as double) as category_price_max_28d,
    cast(sum(prices) over four_weeks as bigint) as category_prices_28d
from days
window
    four_weeks as (
        partition by category
        order by event_date range between interval 27 days preceding and current row
    ),
    so_far as (
        partition by category
        order by event_date range between unbounded preceding and current row
    )
