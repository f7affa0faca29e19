with

versions as (

    select
        *,
        row_number() over (partition by user_id order by created_timestamp desc, source desc, consent desc) as nth
    from {{ ref('stg_event_log__users') }}

)

select {{ all_but(['nth']) }}
from versions
where nth = 1
