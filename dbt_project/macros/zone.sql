{# The time zone of the shop's days, as the settings name it. #}
{% macro shop_zone() -%}
    {{ env_var('SHOPSIGHT_ZONE', 'UTC') if execute else 'UTC' }}
{%- endmacro %}
