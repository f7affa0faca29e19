{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_behaviour') }}

)

select
    item_id,
    event_date,
    count(*) filter (where event_name = 'view_item') as views,
    count(*) filter (where event_name = 'add_to_cart') as carts,
    count(*) filter (where event_name = 'purchase') as purchases,
    count(*) filter (where {{ is_interaction() }}) as interactions,
    sum(price) as price_sum,
    count(price) as price_count,
    sum(value) filter (where event_name = 'rate_item') as rating_sum,
    count(value) filter (where event_name = 'rate_item') as ratings,
    min(event_timestamp) as first_event_at,
    max(created_timestamp) as created_timestamp
from events
where item_id is not null
group by item_id, event_date
