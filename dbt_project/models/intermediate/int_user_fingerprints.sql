{{ config(materialized='tracked', key='user_id', asked='int_user_day_fingerprints') }}

with

activity as (

    select
        user_id,
        sum(events) as events,
        {{ max_by('fingerprint', ['event_date']) }} as events_fingerprint
    from {{ ref('int_user_day_fingerprints') }}
    group by user_id

)

select
    activity.user_id,
    activity.events,
    {{ hash_of([
        'activity.events_fingerprint',
        'accounts.consent',
        'accounts.country',
        var('bot_pages_per_minute'),
        var('bot_pages_per_day'),
        "'" ~ shop_zone() ~ "'"
    ]) }} as fingerprint
from activity
left join {{ ref('int_accounts') }} as accounts on activity.user_id = accounts.user_id
