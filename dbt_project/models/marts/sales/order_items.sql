{%- set place = ["event_name = 'refund'", 'event_timestamp', 'event_id', 'line_number'] -%}

with

lines as (

    select
        *,
        source || ':' || coalesce(order_id, event_id) as order_key,
        coalesce(quantity, 1) as units,
        {{ line_revenue() }} as amount
    from {{ ref('int_session_events') }}
    where event_name in ('purchase', 'refund')

)

select
    order_key,
    item_id,
    min(order_id) as order_id,
    source,
    {{ min_by('user_id', place) }} as user_id,
    {{ min_by('session_id', place) }} as session_id,
    min(event_timestamp) filter (where event_name = 'purchase') as ordered_at,
    max(event_timestamp) filter (where event_name = 'refund') as refunded_at,
    {{ min_by('category', place) }} as category,
    {{ min_by('brand', place) }} as brand,
    {{ min_by('currency', place) }} as currency,
    cast(coalesce(sum(units) filter (where event_name = 'purchase'), 0) as bigint) as quantity,
    cast(coalesce(sum(units) filter (where event_name = 'refund'), 0) as bigint) as refunded_quantity,
    cast(coalesce(sum(amount) filter (where event_name = 'purchase'), 0) as decimal(18, 4)) as gross_revenue,
    cast(coalesce(sum(amount) filter (where event_name = 'refund'), 0) as decimal(18, 4)) as refunded_revenue,
    cast(sum(case when event_name = 'purchase' then amount else -amount end) as decimal(18, 4)) as net_revenue
from lines
group by order_key, item_id, source
