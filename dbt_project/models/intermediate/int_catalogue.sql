with

items as (

    select * from {{ ref('stg_event_log__items') }}

)

select *
from items
qualify
    row_number() over (
        partition by item_id
        order by valid_from desc, created_timestamp desc, source desc, valid_to desc nulls first, hash(items) desc
    ) = 1
