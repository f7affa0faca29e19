{%- set steps = funnel_steps() -%}
{{
    config(
        materialized='chunked',
        entity='user_id',
        entities='int_users',
        condition='is_usable'
    )
}}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users'), 'is_usable') }}

),

events as (

    select
        behaviour.user_id,
        {{ shop_date('behaviour.event_timestamp') }} as event_date,
        behaviour.event_name,
        behaviour.event_timestamp,
        behaviour.event_id,
        behaviour.line_number,
        behaviour.session_id,
        behaviour.revenue
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_users on behaviour.user_id = changed_users.user_id
    where {{ in_chunk('behaviour.user_id') }}

),

days as (

    select
        user_id,
        event_date,
        count(*) filter (where event_name = 'purchase') as purchases,
        coalesce(sum(revenue) filter (where event_name = 'purchase'), 0) as revenue
    from events
    group by user_id, event_date

),

-- A shopper enters a day's funnel with the day's first view; each step counts at or after the one before it.
step_1 as (

    select
        user_id,
        event_date,
        {{ min_by('session_id', ['event_timestamp', 'event_id', 'line_number', 'session_id']) }} as session_id,
        min(event_timestamp) as entered_at,
        min(event_timestamp) as reached_at
    from events
    where event_name = '{{ steps[0] }}'
    group by user_id, event_date

),

{% for step in steps[1:] -%}
step_{{ loop.index + 1 }} as (

    select
        before.user_id,
        before.event_date,
        before.entered_at,
        min(events.event_timestamp) as reached_at
    from step_{{ loop.index }} as before
    inner join events
        on
            before.user_id = events.user_id
            and events.event_name = '{{ step }}'
            and before.reached_at <= events.event_timestamp
            and {{ dbt.dateadd('day', var('conversion_days'), 'before.entered_at') }} > events.event_timestamp
    group by before.user_id, before.event_date, before.entered_at

),

{% endfor -%}
steps as (

    {% for step in steps -%}
    select
        user_id,
        event_date,
        {{ 'session_id' if loop.first else 'null as session_id' }},
        {{ loop.index }} as step_number
    from step_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

reached as (

    select
        user_id,
        event_date,
        max(session_id) as session_id,
        max(step_number) as steps_reached
    from steps
    group by user_id, event_date

)

select
    days.user_id,
    days.event_date,
    days.purchases,
    days.revenue,
    reached.session_id as entry_session_id,
    coalesce(reached.steps_reached, 0) as steps_reached
from days
left join reached on days.user_id = reached.user_id and days.event_date = reached.event_date
