{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_current_events') }}

),

-- What orders say of their events: refunds of whole orders have several lines.
order_lines as (

    select
        event_hash,
        bool_or(is_repeat) as is_repeat,
        sum(revenue) as revenue,
        {{ fingerprint('line_hash') }} as lines_hash
    from {{ ref('int_order_lines') }}
    group by event_hash

),

rates as (

    select * from {{ ref('int_currency_rates') }}

),

identities as (

    select * from {{ ref('int_identities') }}

),

catalogue as (

    select * from {{ ref('int_catalogue') }}

),

stitched as (

    select
        {{ all_but(['user_id', 'category', 'brand', 'price', 'currency', 'merged_at'], 'events') }},
        coalesce(events.user_id, identities.user_id, events.anonymous_id) as user_id,
        coalesce(events.category, catalogue.category) as category,
        coalesce(events.brand, catalogue.brand) as brand,
        events.category as sent_category,
        events.brand as sent_brand,
        {{ converted('events.price') }} as price,
        case when rates.currency is null then events.currency when rates.rate is not null then reporting.currency end
            as currency,
        cast(order_lines.revenue as decimal(18, 4)) as revenue,
        case
            when order_lines.event_hash is null and rates.currency is null then events.event_hash
            else {{ hash_of([
                'events.event_hash',
                'order_lines.lines_hash',
                'rates.rate',
                'case when rates.rate is not null then reporting.currency end'
            ]) }}
        end as settled_hash,
        coalesce(events.user_id, identities.user_id) is not null as is_identified,
        reused.session_id is not null as is_session_reused,
        -- Before the link was seen, nobody could know whose event this is.
        case
            when events.user_id is null then greatest(events.created_timestamp, identities.linked_at)
            else greatest(events.created_timestamp, coalesce(events.merged_at, events.created_timestamp))
        end as known_at
    from events
    cross join {{ ref('int_currency') }} as reporting
    left join identities on events.anonymous_id = identities.anonymous_id
    left join catalogue on events.item_id = catalogue.item_id
    left join {{ ref('int_reused_sessions') }} as reused on events.session_id = reused.session_id
    left join order_lines on events.event_hash = order_lines.event_hash
    -- Of money in the reporting currency, which is nearly all, not even the day is worked out.
    left join rates
        on
            events.currency = rates.currency
            and case
                when events.currency != reporting.currency then {{ shop_date('events.event_timestamp') }}
            end = rates.event_date
    where not coalesce(order_lines.is_repeat, false)

)

select
    *,
    {{ hash_of(['settled_hash', 'user_id', 'is_identified', 'category', 'brand', 'known_at', 'is_session_reused']) }}
        as row_hash
from stitched
