{#
    What each consent permits, the strictest first. No other SQL names a value. The same table stands in
    shopsight/consent.py and in docs/privacy.md; a test compares the three.
#}
{% macro consent_uses() -%}
    {{ return({
        'none': ['records'],
        'analytics_only': ['records', 'totals'],
        'granted': ['records', 'totals', 'personal'],
    }) }}
{%- endmacro %}

{# The consent of whoever said nothing. #}
{% macro unstated_consent() -%}
    '{{ consent_uses().keys() | last }}'
{%- endmacro %}

{# True where a consent permits a use. #}
{% macro consent_allows(use, consent='consent') -%}
    {%- set values = [] -%}
    {%- for value, uses in consent_uses().items() if use in uses -%}
        {%- do values.append(value) -%}
    {%- endfor -%}
    {{ consent }} in ('{{ values | join("', '") }}')
{%- endmacro %}

{# How much a consent permits, as a number that sorts the strictest first; null where nothing was said. #}
{% macro consent_rank(consent='consent') -%}
    case {{ consent }}{% for value in consent_uses() %} when '{{ value }}' then {{ loop.index }}{% endfor %} end
{%- endmacro %}

{# The consent of a rank. #}
{% macro consent_of_rank(rank) -%}
    case {{ rank }}{% for value in consent_uses() %} when {{ loop.index }} then '{{ value }}'{% endfor %} end
{%- endmacro %}

{# An aggregate: the strictest of the consents in a group; null where none is stated. #}
{% macro strictest_consent(consent='consent') -%}
    {{ consent_of_rank('min(' ~ consent_rank(consent) ~ ')') }}
{%- endmacro %}

{# The stricter of two consents, either of which may not be stated. #}
{% macro stricter_consent(first, second) -%}
    {{ consent_of_rank('least(coalesce(' ~ consent_rank(first) ~ ', ' ~ consent_uses() | length ~ '), coalesce('
        ~ consent_rank(second) ~ ', ' ~ consent_uses() | length ~ '))') }}
{%- endmacro %}
