{{
    config(
        materialized='chunked',
        entity='event_date',
        entities='int_days',
        condition='true'
    )
}}

with

changed_days as (

    {{ changed_entities('event_date', ref('int_days'), 'true') }}

),

-- A refund of an order by its id alone is one of each of its items.
whole_refunds as (

    select
        reports.event_hash,
        lines.item_id
    from {{ ref('int_order_reports') }} as reports
    inner join {{ ref('int_order_lines') }} as lines on reports.event_hash = lines.event_hash
    where reports.item_id is null and lines.quantity > 0

),

events as (

    select
        {{ all_but(['item_id'], 'behaviour') }},
        coalesce(behaviour.item_id, lines.item_id) as item_id
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_days on behaviour.event_date = changed_days.event_date
    left join whole_refunds as lines on behaviour.event_hash = lines.event_hash
    where coalesce(behaviour.item_id, lines.item_id) is not null and {{ in_chunk('behaviour.event_date') }}

)

select
    item_id,
    event_date,
    count(*) filter (where event_name = 'view_item') as views,
    count(*) filter (where event_name = 'add_to_cart') as carts,
    count(*) filter (where event_name = 'purchase') as purchases,
    count(*) filter (where event_name = 'refund') as refunds,
    count(*) filter (where {{ is_interaction() }}) as interactions,
    sum(price) as price_sum,
    count(price) as price_count,
    max(price) as highest_price,
    {{ last_known('price') }} as last_price,
    sum(value) filter (where event_name = 'rate_item') as rating_sum,
    count(value) filter (where event_name = 'rate_item') as ratings,
    min(event_timestamp) as first_event_at,
    max(event_timestamp) filter (where event_name = 'purchase') as last_purchase_at,
    max(created_timestamp) as created_timestamp,
    {{ hash_of(['event_date', fingerprint('settled_hash')]) }} as events_fingerprint
from events
group by item_id, event_date
