{{ config(materialized='view') }}

with

behaviour as (

    select * from {{ ref('int_behaviour') }}

),

users as (

    select * from {{ ref('int_users') }}

)

select *
from behaviour
where
    {{ consent_allows('personal') }}
    and user_id in (
        select users.user_id from users
        where users.is_personal
    )
