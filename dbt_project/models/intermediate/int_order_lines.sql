with

reports as (

    select * from {{ ref('int_order_reports') }}

),

purchases as (

    select
        *,
        coalesce(quantity, 1) as pieces,
        cast({{ line_revenue() }} as decimal(18, 4)) as amount
    from reports
    where event_name = 'purchase'

),

refunds as (

    select
        *,
        abs(quantity) as sent_pieces,
        abs(price) as sent_price,
        abs(value) as sent_amount
    from reports
    where event_name = 'refund' and not is_repeat

),

-- What was bought of each item of the orders that something was given back of: a refund gives back of that.
bought as (

    select
        order_key,
        item_id,
        coalesce(unconverted_currency, '') as pool,
        sum(pieces) as pieces,
        cast(sum(amount) as decimal(18, 4)) as amount
    from purchases
    where not is_repeat and order_key in (select refunds.order_key from refunds)
    group by order_key, item_id, coalesce(unconverted_currency, '')

),

-- A refund that names no currency gives back in that of the purchase; where there are two, of the larger amount.
main_pools as (

    select
        order_key,
        item_id,
        {{ max_by('pool', ['amount', 'pool']) }} as pool
    from bought
    group by order_key, item_id

),

main_pools_of_orders as (

    select
        order_key,
        {{ max_by('pool', ['amount', 'pool']) }} as pool
    from bought
    group by order_key

),

-- 1. Refunds of an item: what they ask for, then as much of it as is left of the item.
item_refunds as (

    select
        refunds.*,
        coalesce(case when refunds.currency is null then main_pools.pool else refunds.unconverted_currency end, '')
            as pool
    from refunds
    left join main_pools on refunds.order_key = main_pools.order_key and refunds.item_id = main_pools.item_id
    where refunds.item_id is not null

),

priced_refunds as (

    select
        item_refunds.*,
        bought.pieces as bought_pieces,
        bought.amount as bought_amount,
        -- Where no pieces are named, less money than one cost says that it was kept, and all of it that all came back.
        coalesce(
            item_refunds.sent_pieces,
            case
                when item_refunds.sent_price is not null then 1
                when item_refunds.sent_amount * bought.pieces < bought.amount then 0
                when item_refunds.sent_amount >= bought.amount then bought.pieces
                else 1
            end
        ) as asked_pieces
    from item_refunds
    left join bought
        on
            item_refunds.order_key = bought.order_key
            and item_refunds.item_id = bought.item_id
            and item_refunds.pool = bought.pool

),

asked_refunds as (

    select
        *,
        cast(coalesce(
            sent_amount,
            sent_price * asked_pieces,
            {{ four_places('bought_amount * asked_pieces / cast(nullif(bought_pieces, 0) as double)') }},
            0
        ) as decimal(18, 4)) as asked_amount
    from priced_refunds

),

summed_refunds as (

    select
        *,
        sum(asked_pieces) over so_far as pieces_so_far,
        cast(sum(asked_amount) over so_far as decimal(18, 4)) as amount_so_far
    from asked_refunds
    window so_far as (
        partition by order_key, item_id, pool
        order by event_timestamp, event_id, line_number, event_hash
        rows between unbounded preceding and current row
    )

),

counted_refunds as (

    select
        event_hash,
        event_name,
        order_key,
        item_id,
        pool,
        case
            when bought_pieces is null then asked_pieces
            else least(pieces_so_far, bought_pieces) - least(pieces_so_far - asked_pieces, bought_pieces)
        end as pieces,
        case
            when bought_amount is null then asked_amount
            else least(amount_so_far, bought_amount) - least(amount_so_far - asked_amount, bought_amount)
        end as amount
    from summed_refunds

),

-- 2. Refunds of an order by its id alone give back what the refunds of its items have left: all of it or, where they
-- name an amount, so much of it, spread over the items by what is left of each.
given_back as (

    select
        order_key,
        item_id,
        pool,
        sum(pieces) as pieces,
        cast(sum(amount) as decimal(18, 4)) as amount
    from counted_refunds
    group by order_key, item_id, pool

),

left_over as (

    select
        bought.order_key,
        bought.item_id,
        bought.pool,
        bought.pieces - coalesce(given_back.pieces, 0) as pieces,
        bought.amount - coalesce(given_back.amount, 0) as amount,
        sum(bought.amount - coalesce(given_back.amount, 0)) over (
            partition by bought.order_key, bought.pool
            order by bought.item_id
            rows between unbounded preceding and current row
        ) as amount_to_here,
        sum(bought.amount - coalesce(given_back.amount, 0)) over (
            partition by bought.order_key, bought.pool
        ) as amount_of_order
    from bought
    left join given_back
        on
            bought.order_key = given_back.order_key
            and bought.item_id = given_back.item_id
            and bought.pool = given_back.pool

),

pools as (

    select
        order_key,
        pool,
        max(amount_of_order) as amount
    from left_over
    group by order_key, pool

),

order_refunds as (

    select
        refunds.event_hash,
        refunds.event_name,
        refunds.event_timestamp,
        refunds.event_id,
        refunds.line_number,
        refunds.sent_amount is null as is_whole,
        pools.order_key,
        pools.pool,
        pools.amount as pool_amount,
        coalesce(refunds.sent_amount, pools.amount) as asked_amount
    from refunds
    inner join main_pools_of_orders on refunds.order_key = main_pools_of_orders.order_key
    inner join pools
        on
            refunds.order_key = pools.order_key
            and (
                (refunds.currency is null and refunds.sent_amount is null)
                or (refunds.currency is null and main_pools_of_orders.pool = pools.pool)
                or (refunds.currency is not null and coalesce(refunds.unconverted_currency, '') = pools.pool)
            )
    where refunds.item_id is null

),

summed_order_refunds as (

    select
        *,
        sum(asked_amount) over so_far as amount_so_far,
        sum(case when is_whole then 1 else 0 end) over so_far as wholes_so_far
    from order_refunds
    window so_far as (
        partition by order_key, pool
        order by event_timestamp, event_id, line_number, event_hash
        rows between unbounded preceding and current row
    )

),

capped_order_refunds as (

    select
        *,
        least(amount_so_far, pool_amount) as counted_so_far,
        least(amount_so_far - asked_amount, pool_amount) as counted_before,
        wholes_so_far > 0 or (amount_so_far >= pool_amount and pool_amount > 0) as empties,
        wholes_so_far - case when is_whole then 1 else 0 end > 0
        or (amount_so_far - asked_amount >= pool_amount and pool_amount > 0) as is_empty_before
    from summed_order_refunds

),

-- Shares are differences of rounded running sums, so that they add up to the amount to the last digit.
spread_refunds as (

    select
        refunds.event_hash,
        refunds.event_name,
        refunds.order_key,
        left_over.item_id,
        refunds.pool,
        case when refunds.empties and not refunds.is_empty_before then left_over.pieces else 0 end as pieces,
        {{ share_of('refunds.counted_so_far') }} - {{ share_of('refunds.counted_before') }} as amount
    from capped_order_refunds as refunds
    inner join left_over on refunds.order_key = left_over.order_key and refunds.pool = left_over.pool

),

-- 3. What gives back of an order that the log does not hold counts as it was sent.
orphans as (

    select
        refunds.event_hash,
        refunds.event_name,
        refunds.order_key,
        refunds.item_id,
        coalesce(refunds.unconverted_currency, '') as pool,
        0 as pieces,
        coalesce(refunds.sent_amount, 0) as amount
    from refunds
    where
        refunds.item_id is null
        and refunds.event_hash not in (select order_refunds.event_hash from order_refunds)

),

lines as (

    select
        event_hash,
        event_name,
        order_key,
        item_id,
        coalesce(unconverted_currency, '') as pool,
        pieces,
        amount,
        is_repeat
    from purchases
    union all
    select
        *,
        false as is_repeat
    from counted_refunds
    union all
    select
        *,
        false as is_repeat
    from spread_refunds
    where pieces > 0 or amount > 0
    union all
    select
        *,
        false as is_repeat
    from orphans
    union all
    select
        event_hash,
        event_name,
        order_key,
        item_id,
        coalesce(unconverted_currency, '') as pool,
        0 as pieces,
        0 as amount,
        is_repeat
    from reports
    where event_name = 'refund' and is_repeat

)

select
    event_hash,
    event_name,
    order_key,
    item_id,
    cast(pieces as bigint) as quantity,
    cast(case when pool = '' then amount else 0 end as decimal(18, 4)) as revenue,
    nullif(pool, '') as unconverted_currency,
    cast(case when pool = '' then 0 else amount end as decimal(18, 4)) as unconverted_revenue,
    is_repeat,
    {{ hash_of(['item_id', 'pieces', 'amount', 'pool', 'is_repeat']) }} as line_hash
from lines
