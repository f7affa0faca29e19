{%- set steps = funnel_steps() -%}
{%- set dimensions = ['channel', 'device', 'country'] -%}

with

newest as (

    select max(last_seen_at) as newest_at from {{ ref('int_users') }}

),

-- A shopper's day has one value of each dimension, that of the session in which it was entered, so the values of a
-- dimension add up to funnel_daily.
entries as (

    select
        days.event_date,
        {% for dimension in dimensions -%}
        coalesce(sessions.{{ dimension }}, '(none)') as {{ dimension }},
        {% endfor -%}
        days.steps_reached
    from {{ ref('int_visit_days') }} as days
    inner join {{ ref('int_sessions') }} as sessions on days.entry_session_id = sessions.session_id

),

valued as (

    {% for dimension in dimensions -%}
    select
        event_date,
        '{{ dimension }}' as dimension,
        {{ dimension }} as value,
        steps_reached,
        count(*) as shoppers
    from entries
    group by event_date, {{ dimension }}, steps_reached
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

counted as (

    {% for step in steps -%}
    select
        event_date,
        dimension,
        value,
        {{ loop.index }} as step_number,
        '{{ step }}' as step,
        cast(coalesce(sum(shoppers) filter (where steps_reached >= {{ loop.index }}), 0) as bigint) as shoppers
    from valued
    group by event_date, dimension, value
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    counted.event_date,
    counted.dimension,
    counted.value,
    {{ funnel_figures(['event_date', 'dimension', 'value']) }}
