with

items as (

    select
        *,
        row_number() over (
            partition by item_id
            order by
                valid_from desc,
                created_timestamp desc,
                source desc,
                valid_to desc nulls first,
                title desc,
                description desc,
                category desc,
                brand desc,
                price desc,
                currency desc,
                is_available desc,
                attributes desc
        ) as nth
    from {{ ref('stg_event_log__items') }}

)

select {{ all_but(['nth']) }}
from items
where nth = 1
