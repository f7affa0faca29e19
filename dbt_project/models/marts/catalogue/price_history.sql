with

days as (

    select * from {{ ref('item_demand_daily') }}
    where priced_events > 0

),

versions as (

    select * from {{ ref('item_versions') }}

),

-- The list price of a day is what the catalogue said when the day ended.
listed as (

    select
        days.item_id,
        days.event_date,
        versions.price as catalogue_price,
        coalesce(versions.price, days.highest_price) as list_price,
        days.lowest_price,
        days.mean_price,
        days.highest_price,
        days.priced_events
    from days
    left join versions
        on
            days.item_id = versions.item_id
            and versions.valid_from < {{ shop_day_end('days.event_date') }}
            and (versions.valid_to is null or versions.valid_to >= {{ shop_day_end('days.event_date') }})

)

select
    item_id,
    event_date,
    case when catalogue_price is null then 'events' else 'catalogue' end as list_price_source,
    list_price,
    lag(list_price) over (partition by item_id order by event_date) as previous_list_price,
    lowest_price,
    mean_price,
    highest_price,
    greatest(1 - cast(lowest_price as double) / nullif(cast(list_price as double), 0), 0) as deepest_discount,
    greatest(1 - mean_price / nullif(cast(list_price as double), 0), 0) as mean_discount,
    priced_events
from listed
