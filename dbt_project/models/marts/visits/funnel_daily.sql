{%- set steps = funnel_steps() -%}

with

events as (

    select
        user_id,
        {{ shop_date('event_timestamp') }} as event_date,
        event_name,
        event_timestamp
    from {{ ref('int_behaviour') }}
    where event_name in ('{{ steps | join("', '") }}')

),

newest as (

    select max(last_seen_at) as newest_at from {{ ref('int_users') }}

),

{{ funnel(steps) }}
counted as (

    {% for step in steps -%}
    select
        step_1.event_date,
        {{ loop.index }} as step_number,
        '{{ step }}' as step,
        count(reached.user_id) as shoppers
    from step_1
    left join step_{{ loop.index }} as reached
        on step_1.user_id = reached.user_id and step_1.event_date = reached.event_date
    group by step_1.event_date
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    counted.event_date,
    {{ funnel_figures() }}
