{#
    What the engines say differently and dbt's own cross-database macros do not cover: one macro per need, one
    implementation per adapter. Models call these and never an engine's own function.
#}

{# A value of a column's JSON object as text; null where there is none, or the text is no JSON. #}
{% macro json_text(column, key) -%}
    {{ return(adapter.dispatch('json_text')(column, key)) }}
{%- endmacro %}

{% macro duckdb__json_text(column, key) -%}
    case when json_valid({{ column }}) then json_extract_string({{ column }}, '$.{{ key }}') end
{%- endmacro %}

{% macro spark__json_text(column, key) -%}
    get_json_object({{ column }}, '$.{{ key }}')
{%- endmacro %}

{# The value in the row where the keys are smallest (largest). Rows whose value is null do not count. #}
{% macro min_by(value, keys) -%}
    {{ return(adapter.dispatch('min_by')(value, keys)) }}
{%- endmacro %}

{% macro duckdb__min_by(value, keys) -%}
    arg_min({{ value }}, row({{ keys | join(', ') }}))
{%- endmacro %}

{% macro spark__min_by(value, keys) -%}
    min_by({{ value }}, case when {{ value }} is not null then struct({{ keys | join(', ') }}) end)
{%- endmacro %}

{% macro max_by(value, keys) -%}
    {{ return(adapter.dispatch('max_by')(value, keys)) }}
{%- endmacro %}

{% macro duckdb__max_by(value, keys) -%}
    arg_max({{ value }}, row({{ keys | join(', ') }}))
{%- endmacro %}

{% macro spark__max_by(value, keys) -%}
    max_by({{ value }}, case when {{ value }} is not null then struct({{ keys | join(', ') }}) end)
{%- endmacro %}

{# The different values of a column in alphabetical order, joined by commas. #}
{% macro distinct_values(column) -%}
    {{ return(adapter.dispatch('distinct_values')(column)) }}
{%- endmacro %}

{% macro duckdb__distinct_values(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{% macro spark__distinct_values(column) -%}
    nullif(array_join(array_sort(collect_set({{ column }})), ','), '')
{%- endmacro %}

{# A quantile, between two values where it falls between them. #}
{% macro quantile(column, share) -%}
    {{ return(adapter.dispatch('quantile')(column, share)) }}
{%- endmacro %}

{% macro duckdb__quantile(column, share) -%}
    quantile_cont({{ column }}, {{ share }})
{%- endmacro %}

{% macro spark__quantile(column, share) -%}
    percentile({{ column }}, {{ share }})
{%- endmacro %}
