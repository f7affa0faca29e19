with

lines as (

    select
        order_key,
        item_id,
        count(*) over (partition by order_key) as basket_size
    from {{ ref('order_items') }}
    where quantity > 0 and item_id is not null

),

baskets as (

    select * from lines
    where basket_size <= {{ var('largest_basket') }}

),

items as (

    select
        item_id,
        count(*) as baskets
    from baskets
    group by item_id

),

total as (

    select count(distinct order_key) as baskets from baskets

),

pairs as (

    select
        first_item.item_id,
        second_item.item_id as other_item_id,
        count(*) as baskets_together
    from baskets as first_item
    inner join baskets as second_item
        on first_item.order_key = second_item.order_key and first_item.item_id != second_item.item_id
    group by first_item.item_id, second_item.item_id
    having count(*) >= {{ var('fewest_baskets_together') }}

)

select
    pairs.item_id,
    pairs.other_item_id,
    pairs.baskets_together,
    items.baskets as item_baskets,
    others.baskets as other_item_baskets,
    total.baskets as all_baskets,
    pairs.baskets_together / cast(total.baskets as double) as support,
    pairs.baskets_together / cast(items.baskets as double) as confidence,
    pairs.baskets_together * cast(total.baskets as double) / (items.baskets * others.baskets) as lift
from pairs
inner join items on pairs.item_id = items.item_id
inner join items as others on pairs.other_item_id = others.item_id
cross join total
