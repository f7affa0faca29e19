with

-- Nothing is read where no batch corrects an earlier one, which is nearly always so.
corrected as (

    select distinct event_id
    from {{ ref('int_events') }}
    where {{ is_correcting_batch() }}

),

versions as (

    select
        events.event_hash,
        row_number() over (
            partition by
                events.source,
                events.event_id,
                events.event_name,
                events.item_id,
                events.order_id,
                events.line_number
            order by events.created_timestamp desc, events.batch desc
        ) as nth_newest
    from {{ ref('int_events') }} as events
    inner join corrected on events.event_id = corrected.event_id

)

select event_hash
from versions
where nth_newest > 1
