{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_events') }}

),

identities as (

    select * from {{ ref('int_identities') }}

),

catalogue as (

    select * from {{ ref('int_catalogue') }}

),

stitched as (

    select
        {{ all_but(['user_id', 'category', 'brand'], 'events') }},
        coalesce(events.user_id, identities.user_id, events.anonymous_id) as user_id,
        coalesce(events.category, catalogue.category) as category,
        coalesce(events.brand, catalogue.brand) as brand,
        events.category as sent_category,
        events.brand as sent_brand,
        coalesce(events.user_id, identities.user_id) is not null as is_identified,
        reused.session_id is not null as is_session_reused,
        -- Before the link was seen, nobody could know whose event this is.
        case
            when events.user_id is null then greatest(events.created_timestamp, identities.linked_at)
            else events.created_timestamp
        end as known_at
    from events
    left join identities on events.anonymous_id = identities.anonymous_id
    left join catalogue on events.item_id = catalogue.item_id
    left join {{ ref('int_reused_sessions') }} as reused on events.session_id = reused.session_id

)

select
    *,
    {{ hash_of(['event_hash', 'user_id', 'is_identified', 'category', 'brand', 'known_at', 'is_session_reused']) }} as row_hash
from stitched
