{{ config(materialized='tracked', key=['user_id', 'event_date']) }}
-- Over all days up to each: an event changes what its day and those after it are made from, and no earlier one.
with

days as (

    select
        user_id,
        event_date,
        count(*) as events,
        bit_xor(row_hash) as rows_hash
    from {{ ref('int_events_stitched') }}
    group by user_id, event_date

),

hashed as (

    select
        user_id,
        event_date,
        events,
        {{ hash_of(['event_date', 'events', 'rows_hash']) }} as day_hash
    from days

)

select
    user_id,
    event_date,
    events,
    {{ hash_of(['bit_xor(day_hash) over so_far', 'count(*) over so_far']) }} as fingerprint
from hashed
window so_far as (
    partition by user_id
    order by event_date
    rows between unbounded preceding and current row
)
