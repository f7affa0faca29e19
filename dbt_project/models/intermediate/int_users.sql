{{
    config(
        materialized='chunked',
        entity='user_id',
        entities='int_user_fingerprints',
        condition='true',
        is_entities=true
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_user_fingerprints'), 'true') }}

),

events as (

    select
        events.user_id,
        events.event_date,
        events.event_timestamp,
        events.event_id,
        events.line_number,
        events.source,
        events.event_name,
        events.item_id,
        events.event_hash,
        events.country,
        events.consent
    from {{ ref('int_session_events') }} as events
    inner join changed_users on events.user_id = changed_users.user_id
    where {{ in_chunk('events.user_id') }}

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

-- A source that says nothing of consent sends that of whoever said nothing: it must not undo what another one says.
said as (

    select
        user_id,
        source,
        {{ max_by('consent', event_order().split(', ')) }} as consent
    from events
    group by user_id, source

),

stated as (

    select
        user_id,
        {{ strictest_consent() }} as consent
    from said
    group by user_id

),

described as (

    select
        stated.user_id,
        {{ stricter_consent('accounts.consent', 'stated.consent') }} as consent,
        accounts.country
    from stated
    left join {{ ref('int_accounts') }} as accounts on stated.user_id = accounts.user_id

),

activity as (

    select
        user_id,
        min(event_timestamp) as first_seen_at,
        max(event_timestamp) as last_seen_at,
        count(*) as events,
        count(*) filter (where event_name = 'purchase') as purchases,
        count(*) filter (where event_name in ('add_to_cart', 'add_to_wishlist', 'begin_checkout')) as intents,
        {{ max_by('country', event_order().split(', ')) }} as country
    from events
    group by user_id

)

select
    {{ all_but(['country'], 'activity') }},
    described.consent,
    coalesce(described.country, activity.country) as country,
    coalesce(busiest.pages_in_a_minute, 0) as pages_in_a_minute,
    cast(coalesce(busiest.pages_in_a_day, 0) as bigint) as pages_in_a_day,
    activity.purchases = 0 and (
        coalesce(busiest.pages_in_a_minute, 0) >= {{ var('bot_pages_per_minute') }}
        or coalesce(busiest.pages_in_a_day, 0) >= {{ var('bot_pages_per_day') }}
    ) as is_bot,
    not is_bot and {{ consent_allows('totals', 'described.consent') }} as is_usable,
    not is_bot and {{ consent_allows('personal', 'described.consent') }} as is_personal
from activity
inner join described on activity.user_id = described.user_id
left join busiest on activity.user_id = busiest.user_id
