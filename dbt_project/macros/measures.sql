{#
    What one purchase line brought in: `value` is the line's own revenue after every discount, so it goes before price
    times quantity.
#}
{% macro line_revenue() -%}
    coalesce(value, price * coalesce(quantity, 1), 0)
{%- endmacro %}

{# What an item has of an amount that is spread over its order (see int_order_lines), summed from the first item on. #}
{% macro share_of(amount) -%}
    (
        cast({{ four_places('coalesce(' ~ amount ~ ' * left_over.amount_to_here'
            ' / nullif(cast(left_over.amount_of_order as double), 0), 0)') }} as decimal(18, 4))
        - cast({{ four_places('coalesce(' ~ amount ~ ' * (left_over.amount_to_here - left_over.amount)'
            ' / nullif(cast(left_over.amount_of_order as double), 0), 0)') }} as decimal(18, 4))
    )
{%- endmacro %}

{# Days, with their fraction, from a timestamp to another. #}
{% macro days_between(start, finish) -%}
    {{ seconds_between(start, finish) }} / 86400
{%- endmacro %}

{# Seconds, to the microsecond, from a timestamp to another. #}
{% macro seconds_between(start, finish) -%}
    cast({{ microseconds(finish) }} - {{ microseconds(start) }} as double) / 1000000
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
