{{ config(materialized='view') }}

with

moments as (

    select * from {{ ref('int_session_moments') }}

),

-- A session that may still go on has no label yet.
sessions as (

    select * from {{ ref('int_sessions') }}
    where {{ is_over() }}

)

select
    moments.session_id,
    moments.user_id,
    moments.event_timestamp,
    moments.position,
    sessions.is_purchased as purchased,
    sessions.started_at as session_started_at
from moments
inner join sessions on moments.session_id = sessions.session_id
