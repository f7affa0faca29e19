{# What one purchase line brought in; `value` is the line's revenue where a source gives no unit price. #}
{% macro line_revenue() -%}
    coalesce(price * coalesce(quantity, 1), value, 0)
{%- endmacro %}

{# The midnight (UTC) at which everything about a day is known. #}
{% macro day_end(date_column) -%}
    cast({{ date_column }} + interval 1 day as timestamp) at time zone 'UTC'
{%- endmacro %}

{# Days, with their fraction, from a timestamp to another. #}
{% macro days_between(start, finish) -%}
    {{ seconds_between(start, finish) }} / 86400
{%- endmacro %}

{# Seconds, to the microsecond, from a timestamp to another. #}
{% macro seconds_between(start, finish) -%}
    cast(epoch_us({{ finish }}) - epoch_us({{ start }}) as double) / 1000000
{%- endmacro %}

{# The first, or last, value of a column that an event tells. #}
{% macro first_known(column) -%}
    first({{ column }} order by event_timestamp, event_id, line_number, source) filter (where {{ column }} is not null)
{%- endmacro %}

{% macro last_known(column) -%}
    last({{ column }} order by event_timestamp, event_id, line_number, source) filter (where {{ column }} is not null)
{%- endmacro %}

{# What a shopper does with an item, as the interactions mart and the popularity of items count it. #}
{% macro is_interaction(events='') -%}
    {%- set prefix = events ~ '.' if events else '' -%}
    {{ prefix }}item_id is not null
    and {{ prefix }}event_name in ('view_item', 'add_to_wishlist', 'add_to_cart', 'purchase', 'rate_item')
{%- endmacro %}

{#
    Weight, in millionths, of something some whole days old, with a half-life of 7 days. Whole numbers make a sum of
    them exact in any order: a run that rebuilds one item gives the same last digit as one that rebuilds all.
#}
{% macro decay_weight(days) -%}
    cast(round(1000000 * pow(0.5, ({{ days }}) / 7)) as bigint)
{%- endmacro %}
