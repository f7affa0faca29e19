{#
    The one order of events, as columns: by time, and within an instant by what names an event. An event id alone does
    not, for the lines of an order, or a cart and a purchase, may share one. LiveEvent.order says the same to pushes.
#}
{% macro event_order(relation='', direction='') -%}
    {%- set names = ['event_timestamp', 'event_id', 'line_number', 'source', 'event_name', 'item_id', 'event_hash'] -%}
    {%- for name in names %}{{ relation ~ '.' if relation }}{{ name }}{{ ' ' ~ direction if direction }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
