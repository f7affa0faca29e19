with

sales as (

    select
        events.*,
        events.source || ':' || coalesce(events.order_id, events.event_id) as order_key,
        rates.rate,
        rates.currency is not null and rates.rate is null as lacks_rate
    from {{ ref('int_current_events') }} as events
    left join {{ ref('int_currency_rates') }} as rates
        on
            events.currency = rates.currency
            and {{ shop_date('events.event_timestamp') }} = rates.event_date
    where events.event_name in ('purchase', 'refund')

),

-- Where a line of an order has no rate, none of the order's lines in that currency is converted: a refund must not be
-- in a sum that its purchase is not in.
pooled as (

    select
        *,
        bool_or(lacks_rate) over (partition by order_key, currency) as is_unconverted
    from sales

),

-- Money without a rate stays in its own currency, and is never added to that of another.
reports as (

    select
        event_hash,
        event_name,
        event_timestamp,
        event_id,
        line_number,
        order_key,
        order_id,
        item_id,
        currency,
        case when is_unconverted then currency end as unconverted_currency,
        quantity,
        case when is_unconverted or rate is null then price else {{ at_rate('price', 'rate') }} end as price,
        case when is_unconverted or rate is null then value else {{ at_rate('value', 'rate') }} end as value,
        {{ hash_of(['source', 'order_id', 'event_name', 'item_id', 'line_number']) }} as line_hash
    from pooled

),

told_again as (

    select line_hash
    from reports
    where order_id is not null
    group by line_hash
    having count(*) > 1

),

-- A purchase line that is told at two times is one line. Of two that are told at one time, the source has numbered
-- neither: they are two where they say different things. Two refunds of an item at two times are two.
compared as (

    select
        reports.event_hash,
        (
            reports.event_name = 'purchase'
            and reports.event_timestamp > min(reports.event_timestamp) over (partition by reports.line_hash)
        )
        or row_number() over (
            partition by
                reports.line_hash,
                reports.event_timestamp,
                reports.quantity,
                reports.price,
                reports.value
            order by reports.event_id, reports.event_hash
        ) > 1 as is_repeat
    from reports
    inner join told_again on reports.line_hash = told_again.line_hash

)

select
    {{ all_but(['line_hash'], 'reports') }},
    coalesce(compared.is_repeat, false) as is_repeat
from reports
left join compared on reports.event_hash = compared.event_hash
