with

-- Money without a rate stays in its own currency, and is never added to that of another.
reports as (

    select
        events.event_hash,
        events.event_name,
        events.event_timestamp,
        events.event_id,
        events.line_number,
        events.source || ':' || coalesce(events.order_id, events.event_id) as order_key,
        events.order_id,
        events.item_id,
        events.currency,
        case when rates.currency is not null and rates.rate is null then rates.currency end as unconverted_currency,
        events.quantity,
        case when rates.rate is not null then {{ converted('events.price') }} else events.price end as price,
        case when rates.rate is not null then {{ converted('events.value') }} else events.value end as value,
        {{ hash_of(['events.source', 'events.order_id', 'events.event_name', 'events.item_id', 'events.line_number']) }}
            as line_hash
    from {{ ref('int_current_events') }} as events
    left join {{ ref('int_currency_rates') }} as rates
        on events.currency = rates.currency and events.event_date = rates.event_date
    where events.event_name in ('purchase', 'refund')

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
