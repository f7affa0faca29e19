{%- set place = ["event_name = 'refund'", 'event_timestamp', 'event_id', 'line_number', 'event_hash'] -%}

with

lines as (

    select
        order_lines.order_key,
        order_lines.item_id,
        order_lines.event_name,
        order_lines.quantity as units,
        order_lines.revenue as amount,
        order_lines.unconverted_currency,
        events.event_hash,
        events.event_id,
        events.line_number,
        events.event_timestamp,
        events.order_id,
        events.source,
        events.user_id,
        events.session_id,
        events.category,
        events.brand,
        events.currency
    from {{ ref('int_order_lines') }} as order_lines
    inner join {{ ref('int_session_events') }} as events on order_lines.event_hash = events.event_hash

)

select
    order_key,
    item_id,
    min(order_id) as order_id,
    source,
    {{ min_by('user_id', place) }} as user_id,
    {{ min_by('session_id', place) }} as session_id,
    min(event_timestamp) filter (where event_name = 'purchase') as ordered_at,
    {{ shop_date("min(event_timestamp) filter (where event_name = 'purchase')") }} as ordered_on,
    max(event_timestamp) filter (where event_name = 'refund') as refunded_at,
    {{ shop_date("max(event_timestamp) filter (where event_name = 'refund')") }} as refunded_on,
    {{ min_by('category', place) }} as category,
    {{ min_by('brand', place) }} as brand,
    {{ min_by('currency', place) }} as currency,
    cast(coalesce(sum(units) filter (where event_name = 'purchase'), 0) as bigint) as quantity,
    cast(coalesce(sum(units) filter (where event_name = 'refund'), 0) as bigint) as refunded_quantity,
    cast(coalesce(sum(amount) filter (where event_name = 'purchase'), 0) as decimal(18, 4)) as gross_revenue,
    cast(coalesce(sum(amount) filter (where event_name = 'refund'), 0) as decimal(18, 4)) as refunded_revenue,
    cast(sum(case when event_name = 'purchase' then amount else -amount end) as decimal(18, 4)) as net_revenue,
    count(unconverted_currency) as unconverted_lines
from lines
group by order_key, item_id, source
