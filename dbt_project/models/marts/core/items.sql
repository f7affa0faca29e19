with

items as (

    select * from {{ ref('int_items') }}

),

newest as (

    select max(last_seen_at) as newest_at from items

)

select
    items.item_id,
    coalesce(items.title, items.item_id) as title,
    items.description,
    items.category,
    items.brand,
    cast(items.price as double) as price,
    items.currency,
    items.is_available and items.is_listed and coalesce(items.valid_to > newest.newest_at, true) as is_available,
    items.is_listed,
    items.described_at,
    items.first_seen_at,
    items.last_seen_at
from items
cross join newest
