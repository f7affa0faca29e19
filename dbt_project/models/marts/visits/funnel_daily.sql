{%- set steps = ['view_item', 'add_to_cart', 'begin_checkout', 'purchase'] -%}

with

events as (

    select
        user_id,
        event_date,
        event_name,
        event_timestamp
    from {{ ref('int_behaviour') }}
    where event_name in ('{{ steps | join("', '") }}')

),

newest as (

    select max(last_seen_at) as newest_at from {{ ref('int_users') }}

),

-- A shopper enters a day's funnel with the day's first view; each step counts at or after the one before it.
step_1 as (

    select
        user_id,
        event_date,
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
    counted.step_number,
    counted.step,
    counted.shoppers,
    counted.shoppers / nullif(cast(lag(counted.shoppers) over day_steps as double), 0) as step_rate,
    counted.shoppers / cast(first_value(counted.shoppers) over day_steps as double) as overall_rate,
    {{ day_end('counted.event_date') }} <= {{ dbt.dateadd('day', '-' ~ var('conversion_days'), 'newest.newest_at') }}
        as is_complete
from counted
cross join newest
window day_steps as (partition by counted.event_date order by counted.step_number)
