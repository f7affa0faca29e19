{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_events') }}

)

select *
from events
where not exists (
    select 1
    from {{ ref('int_superseded_events') }} as superseded
    where superseded.event_hash = events.event_hash
)
