{# The steps of the purchase funnel, in their order; int_visit_days says how they count. #}
{% macro funnel_steps() -%}
    {{ return(['view_item', 'add_to_cart', 'begin_checkout', 'purchase']) }}
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
