{{
    config(
        materialized='parts',
        entity=['user_id', 'event_date'],
        event_time='event_timestamp',
        entities='int_user_histories',
        condition='is_usable'
    )
}}

with

changed_days as (

    {{ changed_entities(['user_id', 'event_date'], ref('int_user_histories'), 'is_usable') }}

),

events as (

    select stitched.*
    from {{ ref('int_events_stitched') }} as stitched
    inner join changed_days
        on stitched.user_id = changed_days.user_id and stitched.event_date = changed_days.event_date
    where {{ consent_allows('totals', 'stitched.consent') }}

),

utterances as (

    select
        *,
        -- A program that shops for somebody words things otherwise than people do: its texts are a channel apart.
        case
            when channel = 'agent' then 'agent'
            when event_name = 'search' then 'search'
            when event_name = 'ask_question' then 'question'
            else 'review'
        end as utterance_channel,
        case event_name when 'search' then coalesce(query, text) else text end as utterance
    from events
    where event_name in ('search', 'ask_question', 'rate_item')

)

select
    concat_ws(
        ':',
        source,
        event_id,
        line_number,
        case when event_name != 'search' then event_name end,
        item_id,
        order_id
    ) as utterance_id,
    user_id,
    event_timestamp,
    created_timestamp,
    utterance_channel as channel,
    utterance as text,
    coalesce(
        intent_label,
        case event_name
            when 'search' then 'search_product'
            when 'ask_question' then 'ask_question'
            else 'leave_review'
        end
    ) as label,
    case when intent_label is null then 'channel' else 'shop' end as label_source
from utterances
where utterance is not null
