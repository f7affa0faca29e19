with

days as (

    select * from {{ ref('int_user_day_fingerprints') }}

)

select
    days.user_id,
    days.event_date,
    {{ day_end('days.event_date') }} as feature_timestamp,
    days.events,
    days.fingerprint,
    users.is_usable,
    users.is_personal
from days
inner join {{ ref('int_users') }} as users on days.user_id = users.user_id
