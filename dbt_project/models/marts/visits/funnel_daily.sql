{%- set steps = funnel_steps() -%}

with

days as (

    select * from {{ ref('int_visit_days') }}
    where steps_reached > 0

),

newest as (

    select max(last_seen_at) as newest_at from {{ ref('int_users') }}

),

counted as (

    {% for step in steps -%}
    select
        event_date,
        {{ loop.index }} as step_number,
        '{{ step }}' as step,
        count(*) filter (where steps_reached >= {{ loop.index }}) as shoppers
    from days
    group by event_date
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    counted.event_date,
    {{ funnel_figures() }}
