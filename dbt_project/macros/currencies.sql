{# The reporting currency that the settings name; null where they name none. #}
{% macro currency_setting() -%}
    {%- set currency = env_var('SHOPSIGHT_CURRENCY', '') if execute else '' -%}
    {{ "'" ~ currency ~ "'" if currency else 'cast(null as ' ~ dbt.type_string() ~ ')' }}
{%- endmacro %}

{# The shop's table of rates, or one without rows where it has none. shopsight.currency_rates checks it before a build. #}
{% macro currency_rates() -%}
    {{ return(adapter.dispatch('currency_rates')()) }}
{%- endmacro %}

{% macro duckdb__currency_rates() -%}
    {%- set path = env_var('SHOPSIGHT_HOME') ~ '/currency_rates.csv' if execute else '' -%}
    {%- set found = run_query("select count(*) from glob('" ~ path ~ "')").columns[0].values()[0] if execute else 0 -%}
    {%- if found -%}
        read_csv(
            '{{ path }}', header = true, columns = {date: 'DATE', currency: 'VARCHAR', rate: 'DOUBLE'}
        ) as csv
    {%- else -%}
        (
            select
                cast(null as date) as date,
                cast(null as {{ dbt.type_string() }}) as currency,
                cast(null as double) as rate
            where false
        ) as csv
    {%- endif -%}
{%- endmacro %}

{# An amount in the reporting currency; null where there is no rate. `rates` holds foreign currencies only. #}
{% macro converted(amount, rates='rates') -%}
    case
        when {{ rates }}.currency is null then {{ amount }}
        else {{ at_rate(amount, rates ~ '.rate') }}
    end
{%- endmacro %}

{# An amount at a rate, to four places. #}
{% macro at_rate(amount, rate) -%}
    cast({{ four_places(amount ~ ' * ' ~ rate) }} as decimal(18, 4))
{%- endmacro %}
