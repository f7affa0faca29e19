with

items as (

    select * from {{ ref('item_demand_daily') }}

)

select
    coalesce(category, '(none)') as category,
    {{ dbt.split_part("coalesce(category, '(none)')", "' > '", 1) }} as department,
    event_date,
    count(*) as items,
    cast(sum(impressions) as bigint) as impressions,
    cast(sum(views) as bigint) as views,
    cast(sum(carts) as bigint) as carts,
    cast(sum(purchases) as bigint) as purchases,
    cast(sum(units) as bigint) as units,
    cast(sum(gross_revenue) as decimal(18, 4)) as gross_revenue,
    cast(sum(refunded_revenue) as decimal(18, 4)) as refunded_revenue
from items
group by coalesce(category, '(none)'), event_date
