{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_events') }}

)

-- What a user did who was merged into another one later counts for that one.
select
    {{ all_but(['user_id', 'previous_user_id'], 'events') }},
    coalesce(merged.user_id, events.user_id) as user_id,
    merged.merged_at
from events
left join {{ ref('int_merged_users') }} as merged on events.user_id = merged.previous_user_id
where not exists (
    select 1
    from {{ ref('int_superseded_events') }} as superseded
    where superseded.event_hash = events.event_hash
)
