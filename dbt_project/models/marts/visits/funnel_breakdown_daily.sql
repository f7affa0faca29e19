{%- set steps = funnel_steps() -%}
{%- set dimensions = ['channel', 'device', 'country'] -%}

with

events as (

    select
        user_id,
        {{ shop_date('event_timestamp') }} as event_date,
        event_name,
        event_timestamp,
        event_id,
        line_number,
        session_id
    from {{ ref('int_behaviour') }}
    where event_name in ('{{ steps | join("', '") }}')

),

newest as (

    select max(last_seen_at) as newest_at from {{ ref('int_users') }}

),

{{ funnel(steps, {'session_id': min_by('session_id', ['event_timestamp', 'event_id', 'line_number', 'session_id'])}) }}
-- A shopper's day has one value of each dimension, that of the session in which it was entered, so the values of a
-- dimension add up to funnel_daily.
entries as (

    select
        step_1.event_date,
        {% for dimension in dimensions -%}
        coalesce(sessions.{{ dimension }}, '(none)') as {{ dimension }},
        {% endfor -%}
        case
            {%- for number in range(steps | length, 1, -1) %}
            when step_{{ number }}.user_id is not null then {{ number }}
            {%- endfor %}
            else 1
        end as steps_reached
    from step_1
    inner join {{ ref('int_sessions') }} as sessions on step_1.session_id = sessions.session_id
    {%- for number in range(2, steps | length + 1) %}
    left join step_{{ number }}
        on step_1.user_id = step_{{ number }}.user_id and step_1.event_date = step_{{ number }}.event_date
    {%- endfor %}

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
