{{
    config(
        materialized='incremental',
        incremental_strategy='append',
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
    {{ hash_of(['source', 'event_id', 'line_number']) }} as event_hash
from events
{% if is_incremental() -%}
where {{ is_new_batch() }} or {{ is_asked_day() }}
{%- endif %}
