{{ config(materialized='tracked', key=['user_id', 'event_date', 'feature_timestamp']) }}

with

days as (

    select * from {{ ref('int_user_day_fingerprints') }}

)

select
    days.user_id,
    days.event_date,
    {{ day_end('days.event_date') }} as feature_timestamp,
    days.events,
    {{ hash_of(['days.fingerprint', 'users.is_usable', 'users.is_personal']) }} as fingerprint,
    users.is_usable,
    users.is_personal
from days
inner join {{ ref('int_users') }} as users on days.user_id = users.user_id
