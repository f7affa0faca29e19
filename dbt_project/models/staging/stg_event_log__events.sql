{{ config(pre_hook="{{ refuse_unlisted_columns('events', 'events/*.parquet') }}") }}

with

events as (

    select * from {{ source('event_log', 'events') }}

),

cleaned as (

    select
        event_id,
        line_number,
        event_name,
        event_timestamp,
        created_timestamp,
        {{ utc_date('event_timestamp') }} as event_date,
        nullif(user_id, '') as user_id,
        nullif(anonymous_id, '') as anonymous_id,
        coalesce(nullif(user_id, ''), nullif(anonymous_id, '')) as actor_id,
        nullif(session_id, '') as session_id,
        nullif(item_id, '') as item_id,
        quantity,
        price,
        currency,
        {{ amount_of('value') }} as value,
        order_id,
        nullif(list_id, '') as list_id,
        list_position,
        nullif(placement, '') as placement,
        recommendation_id,
        nullif(campaign_id, '') as campaign_id,
        nullif(trim(query), '') as query,
        nullif(trim(text), '') as text,
        channel,
        device,
        country,
        platform,
        nullif(category, '') as category,
        nullif(brand, '') as brand,
        consent,
        source,
        {{ json_text('properties', 'intent_label') }} as intent_label,
        case
            when event_name = 'identify' then {{ json_text('properties', 'previous_user_id') }}
        end as previous_user_id,
        {{ value_of_text(json_text('properties', 'results'), 'integer') }} as search_results,
        cast(arrival_date as date) as arrival_date,
        batch
    from events

)

select * from cleaned
