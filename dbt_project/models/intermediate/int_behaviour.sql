{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_session_events') }}

),

users as (

    select * from {{ ref('int_users') }}

)

select *
from events
where
    {{ consent_allows('totals') }}
    and user_id in (
        select users.user_id from users
        where users.is_usable
    )
