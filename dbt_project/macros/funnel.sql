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
