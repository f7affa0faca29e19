with

events as (

    select * from {{ ref('int_events_stitched') }}

),

versions as (

    select
        *,
        row_number() over (partition by user_id order by created_timestamp desc, source desc, consent desc) as nth
    from {{ ref('stg_event_log__users') }}

),

known_users as (

    select * from versions
    where nth = 1

),

minutes as (

    select
        user_id,
        event_date,
        count(distinct event_id) as pages,
        sum(count(distinct event_id)) over (partition by user_id, event_date) as pages_in_a_day
    from events
    where event_name in ('page_view', 'search', 'view_item_list', 'select_item', 'view_item')
    group by user_id, event_date, date_trunc('minute', event_timestamp)

),

busiest as (

    select
        user_id,
        max(pages) as pages_in_a_minute,
        max(pages_in_a_day) as pages_in_a_day
    from minutes
    group by user_id

),

activity as (

    select
        user_id,
        min(event_timestamp) as first_seen_at,
        max(event_timestamp) as last_seen_at,
        count(*) as events,
        count(*) filter (where event_name = 'purchase') as purchases,
        count(*) filter (where event_name in ('add_to_cart', 'add_to_wishlist', 'begin_checkout')) as intents,
        last(consent order by event_timestamp, event_id, line_number, source) as consent,
        {{ last_known('country') }} as country,
        {{ fingerprint() }} as fingerprint
    from events
    group by user_id

)

select
    {{ all_but(['consent', 'country'], 'activity') }},
    coalesce(known_users.consent, activity.consent) as consent,
    coalesce(known_users.country, activity.country) as country,
    coalesce(busiest.pages_in_a_minute, 0) as pages_in_a_minute,
    cast(coalesce(busiest.pages_in_a_day, 0) as bigint) as pages_in_a_day,
    activity.purchases = 0 and (
        coalesce(busiest.pages_in_a_minute, 0) >= {{ var('bot_pages_per_minute') }}
        or coalesce(busiest.pages_in_a_day, 0) >= {{ var('bot_pages_per_day') }}
    ) as is_bot,
    not is_bot and coalesce(known_users.consent, activity.consent) != 'none' as is_usable
from activity
left join busiest on activity.user_id = busiest.user_id
left join known_users on activity.user_id = known_users.user_id
