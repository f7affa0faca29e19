{{
    config(
        materialized='incremental',
        incremental_strategy=strategy_of_batches(),
        partition_by=partition_of_batches(),
        on_schema_change='fail',
        pre_hook="{{ forget_asked_days() }}"
    )
}}

with

events as (

    select * from {{ ref('stg_event_log__events') }}

)

select
    *,
    {{ hash_of(['source', 'event_id', 'event_name', 'item_id', 'order_id', 'line_number', 'batch']) }} as event_hash
from events
{% if is_incremental() -%}
where {{ is_new_batch() }} or {{ is_asked_day() }}
{%- endif %}
