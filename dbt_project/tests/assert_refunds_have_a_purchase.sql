-- A refund whose purchase is not in the log counts as it was sent: the log may begin too late, or the ids may differ.
{{ config(severity='warn') }}

select
    order_key,
    item_id,
    refunded_quantity,
    refunded_revenue
from {{ ref('order_items') }}
where ordered_at is null
