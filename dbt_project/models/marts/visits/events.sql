{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_session_events') }}

),

users as (

    select * from {{ ref('int_users') }}

)

select
    events.source,
    events.event_id,
    events.line_number,
    events.event_name,
    events.event_timestamp,
    events.created_timestamp,
    {{ shop_date('events.event_timestamp') }} as event_date,
    events.user_id,
    events.anonymous_id,
    events.is_identified,
    users.is_bot,
    events.session_id,
    events.item_id,
    events.category,
    events.brand,
    events.quantity,
    events.price,
    events.currency,
    events.value,
    events.order_id,
    events.query,
    events.list_id,
    events.list_position,
    events.placement,
    events.recommendation_id,
    events.campaign_id,
    events.channel,
    events.device,
    events.country,
    events.platform,
    events.consent
from events
inner join users on events.user_id = users.user_id
