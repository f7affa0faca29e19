{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ forget_changed('user_id', ref('int_user_fingerprints'), ref('int_events_stitched'), 'true') }}"
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_user_fingerprints'), 'true') }}

),

events as (

    select
        stitched.*,
        changed_users.fingerprint
    from {{ ref('int_events_stitched') }} as stitched
    inner join changed_users on stitched.user_id = changed_users.user_id

),

-- An event of several lines is one page; its id's hash is a third as large as the id.
pages as (

    select distinct
        user_id,
        event_date,
        date_trunc('minute', event_timestamp) as event_minute,
        {{ hash_of(['event_id']) }} as page
    from events
    where event_name in ('page_view', 'search', 'view_item_list', 'select_item', 'view_item')

),

minutes as (

    select
        user_id,
        event_date,
        count(*) as pages,
        sum(count(*)) over (partition by user_id, event_date) as pages_in_a_day
    from pages
    group by user_id, event_date, event_minute

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
        {{ max_by('consent', event_order().split(', ')) }} as consent,
        {{ max_by('country', event_order().split(', ')) }} as country,
        fingerprint
    from events
    group by user_id, fingerprint

)

select
    {{ all_but(['consent', 'country'], 'activity') }},
    coalesce(accounts.consent, activity.consent) as consent,
    coalesce(accounts.country, activity.country) as country,
    coalesce(busiest.pages_in_a_minute, 0) as pages_in_a_minute,
    cast(coalesce(busiest.pages_in_a_day, 0) as bigint) as pages_in_a_day,
    activity.purchases = 0 and (
        coalesce(busiest.pages_in_a_minute, 0) >= {{ var('bot_pages_per_minute') }}
        or coalesce(busiest.pages_in_a_day, 0) >= {{ var('bot_pages_per_day') }}
    ) as is_bot,
    not is_bot and coalesce(accounts.consent, activity.consent) != 'none' as is_usable
from activity
left join busiest on activity.user_id = busiest.user_id
left join {{ ref('int_accounts') }} as accounts on activity.user_id = accounts.user_id
