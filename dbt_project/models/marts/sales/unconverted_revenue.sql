with

lines as (

    select * from {{ ref('int_order_lines') }}
    where unconverted_currency is not null and not is_repeat

)

select
    order_key,
    unconverted_currency as currency,
    cast(coalesce(sum(quantity) filter (where event_name = 'purchase'), 0) as bigint) as quantity,
    cast(coalesce(sum(unconverted_revenue) filter (where event_name = 'purchase'), 0) as decimal(18, 4))
        as gross_revenue,
    cast(coalesce(sum(unconverted_revenue) filter (where event_name = 'refund'), 0) as decimal(18, 4))
        as refunded_revenue,
    cast(
        sum(case when event_name = 'purchase' then unconverted_revenue else -unconverted_revenue end)
        as decimal(18, 4)
    ) as net_revenue
from lines
group by order_key, unconverted_currency
