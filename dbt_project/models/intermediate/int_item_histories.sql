{{ config(materialized='tracked', key=['item_id', 'feature_timestamp']) }}

with

days as (

    select * from {{ ref('int_item_days') }}

)

select
    item_id,
    event_date,
    {{ day_end('event_date') }} as feature_timestamp,
    max(created_timestamp) over so_far as created_timestamp,
    min(first_event_at) over so_far as first_event_at,
    max(last_purchase_at) over so_far as last_purchase_at,
    sum(purchases) over so_far as purchases,
    sum(refunds) over so_far as refunds,
    sum(rating_sum) over so_far as rating_sum,
    sum(ratings) over so_far as ratings,
    {{ last_known_over('last_price', 'so_far') }} as last_price,
    {{ hash_of(['bit_xor(events_fingerprint) over so_far', 'count(*) over so_far']) }} as fingerprint
from days
window so_far as (
    partition by item_id
    order by event_date
    rows between unbounded preceding and current row
)
