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
    counted.step_number,
    counted.step,
    counted.shoppers,
    counted.shoppers / nullif(cast(lag(counted.shoppers) over day_steps as double), 0) as step_rate,
    counted.shoppers / cast(first_value(counted.shoppers) over day_steps as double) as overall_rate,
    {{ shop_day_end('counted.event_date') }}
    <= {{ dbt.dateadd('day', '-' ~ var('conversion_days'), 'newest.newest_at') }}
        as is_complete
from counted
cross join newest
window day_steps as (partition by counted.event_date order by counted.step_number)
