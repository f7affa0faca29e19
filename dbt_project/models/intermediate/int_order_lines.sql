with

sales as (

    select
        *,
        source || ':' || coalesce(order_id, event_id) as order_key,
        coalesce(quantity, 1) as units,
        cast({{ line_revenue() }} as decimal(18, 4)) as amount
    from {{ ref('int_session_events') }}
    where event_name in ('purchase', 'refund')

),

reports as (

    select
        *,
        min(event_timestamp) over (partition by order_key, item_id, line_number) as first_reported_at,
        row_number() over (
            partition by order_key, item_id, line_number, event_timestamp, quantity, price, value
            order by event_id
        ) as nth
    from sales
    where event_name = 'purchase'

),

-- A page that is loaded again, or a server that reports what the browser reported, sells nothing a second time.
bought as (

    select {{ all_but(['first_reported_at', 'nth']) }}
    from reports
    where event_timestamp = first_reported_at and nth = 1

),

bought_items as (

    select
        order_key,
        item_id,
        sum(units) as units,
        sum(amount) as amount
    from bought
    group by order_key, item_id

),

bought_orders as (

    select
        order_key,
        sum(amount) as amount
    from bought_items
    group by order_key

),

-- A refund of an item gives back its own amount, else as many pieces as it says at the price that they were bought
-- for, else the whole item.
given_back as (

    select
        refunds.*,
        bought_items.units as bought_units,
        bought_items.amount as bought_amount,
        case when refunds.quantity is null and refunds.price is null and refunds.value is null
            then coalesce(bought_items.units, 1) else refunds.units end as refund_units,
        case
            when refunds.price is not null or refunds.value is not null then refunds.amount
            when refunds.quantity is null then coalesce(bought_items.amount, 0)
            else coalesce(cast(bought_items.amount * refunds.units / bought_items.units as decimal(18, 4)), 0)
        end as refund_amount
    from sales as refunds
    left join bought_items on refunds.order_key = bought_items.order_key and refunds.item_id = bought_items.item_id
    where refunds.event_name = 'refund' and refunds.item_id is not null

),

returned_items as (

    select
        order_key,
        item_id,
        sum(refund_units) as units,
        sum(refund_amount) as amount
    from given_back
    group by order_key, item_id

),

returned_orders as (

    select
        order_key,
        sum(amount) as amount
    from returned_items
    group by order_key

),

-- Refunds that name an order alone. Without an amount one gives back what is left of the order; several together
-- give back no more than that.
whole as (

    select
        refunds.*,
        greatest(coalesce(bought_orders.amount, 0) - coalesce(returned_orders.amount, 0), 0) as amount_left,
        bought_orders.order_key is not null as is_bought,
        refunds.price is null and refunds.value is null as is_without_amount,
        coalesce(sum(refunds.amount) over (
            partition by refunds.order_key
            order by refunds.price is null and refunds.value is null, refunds.event_timestamp, refunds.event_id,
                refunds.line_number
            rows between unbounded preceding and 1 preceding
        ), 0) as amount_before,
        row_number() over (
            partition by refunds.order_key, refunds.price is null and refunds.value is null
            order by refunds.event_timestamp, refunds.event_id, refunds.line_number
        ) as nth
    from sales as refunds
    left join bought_orders on refunds.order_key = bought_orders.order_key
    left join returned_orders on refunds.order_key = returned_orders.order_key
    where refunds.event_name = 'refund' and refunds.item_id is null

),

whole_amounts as (

    select
        *,
        case
            when not is_bought then amount
            when is_without_amount and nth > 1 then 0
            when is_without_amount then greatest(amount_left - amount_before, 0)
            else least(amount, greatest(amount_left - amount_before, 0))
        end as refund_amount
    from whole

),

-- One that gives back everything that is left gives back every item.
whole_items as (

    select
        {{ all_but(['item_id', 'units', 'amount', 'refund_amount'], 'whole_amounts') }},
        bought_items.item_id,
        bought_items.units - coalesce(returned_items.units, 0) as units,
        bought_items.amount - coalesce(returned_items.amount, 0) as refund_amount
    from whole_amounts
    inner join bought_items on whole_amounts.order_key = bought_items.order_key
    left join returned_items
        on bought_items.order_key = returned_items.order_key and bought_items.item_id = returned_items.item_id
    where whole_amounts.refund_amount > 0 and whole_amounts.refund_amount = whole_amounts.amount_left

)

{% set columns = [
    'order_key', 'item_id', 'order_id', 'source', 'event_id', 'line_number', 'event_name', 'event_timestamp', 'user_id',
    'session_id', 'category', 'brand', 'currency'
] | join(', ') -%}
select
    {{ columns }},
    cast(units as bigint) as units,
    amount
from bought
union all
select
    {{ columns }},
    cast(refund_units as bigint) as units,
    cast(refund_amount as decimal(18, 4)) as amount
from given_back
union all
select
    {{ columns }},
    cast(0 as bigint) as units,
    cast(refund_amount as decimal(18, 4)) as amount
from whole_amounts
where not is_bought or refund_amount = 0 or refund_amount < amount_left
union all
select
    {{ columns }},
    cast(greatest(units, 0) as bigint) as units,
    cast(refund_amount as decimal(18, 4)) as amount
from whole_items
