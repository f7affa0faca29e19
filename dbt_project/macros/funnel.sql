{#
    The purchase funnel, as the expressions `step_1` and so on of a query that has an `events` with user_id, event_name,
    event_timestamp and the shop's event_date: a row is a shopper's day, with when the step was reached.

    A shopper enters a day's funnel with the day's first view; each step counts at or after the one before it. What more
    is to be known of the entering view, `of_entry` says: name and expression.
#}
{% macro funnel_steps() -%}
    {{ return(['view_item', 'add_to_cart', 'begin_checkout', 'purchase']) }}
{%- endmacro %}

{% macro funnel(steps, of_entry={}) -%}
step_1 as (

    select
        user_id,
        event_date,
        {%- for name, expression in of_entry.items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
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
{%- endmacro %}

{# The figures of each step `counted`, and the window that they need: of a day, or of a day's value of a dimension. #}
{% macro funnel_figures(of=['event_date']) -%}
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
window day_steps as (
    partition by {% for column in of %}counted.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    order by counted.step_number
)
{%- endmacro %}
