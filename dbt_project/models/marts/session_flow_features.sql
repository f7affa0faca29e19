{{
    config(
        materialized='chunked',
        changed_events="{{ changed_events('session_id', ref('int_sessions')) }}",
        pre_hook="{{ forget_changed('session_id', ref('int_sessions'), ref('int_behaviour')) }}"
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions')) }}

),

events as (

    select
        behaviour.*,
        changed_sessions.fingerprint,
        {{ seconds_between(
            'coalesce(lag(behaviour.event_timestamp) over ordered, behaviour.event_timestamp)',
            'behaviour.event_timestamp'
        ) }} as pause
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_sessions on behaviour.session_id = changed_sessions.session_id
    inner join {{ ref('int_sessions') }} as sessions on behaviour.session_id = sessions.session_id
    where
        (sessions.checked_out_at is null or behaviour.event_timestamp < sessions.checked_out_at)
        and {{ in_chunk('behaviour.session_id') }}
    window ordered as (
        partition by behaviour.session_id
        order by behaviour.event_timestamp, behaviour.event_id, behaviour.line_number, behaviour.source
    )

),

flow as (

    select
        session_id,
        user_id,
        event_timestamp,
        max(created_timestamp) over so_far as created_timestamp,
        {{ seconds_between('min(event_timestamp) over so_far', 'event_timestamp') }}
        / nullif(count(*) over so_far - 1, 0) as mean_dwell_seconds,
        max(pause) over so_far as longest_dwell_seconds,
        cast(max(list_position) over so_far as bigint) as deepest_position_so_far,
        cast(max(price) over so_far - min(price) over so_far as double) as price_spread_so_far,
        count(*) filter (where event_name = 'add_to_cart') over so_far
        / nullif(cast(count(*) filter (where event_name = 'view_item') over so_far as double), 0) as cart_rate_so_far,
        {{ window_list('event_name', 'last_ten') }} as last_actions,
        {{ window_list('item_id', 'last_ten') }} as last_items,
        row_number() over (
            partition by session_id, event_timestamp
            order by event_id desc, line_number desc, source desc
        ) as nth_newest,
        fingerprint
    from events
    window
        so_far as (
            partition by session_id
            order by event_timestamp, event_id, line_number, source
            rows between unbounded preceding and current row
        ),
        last_ten as (
            partition by session_id
            order by event_timestamp, event_id, line_number, source
            rows between 9 preceding and current row
        )

)

-- As in session_features: events of one instant are known together, the last of them stands for all.
select {{ all_but(['nth_newest']) }}
from flow
where nth_newest = 1
