{#
    The event log only grows, by whole batches. A run takes the batches that the table does not hold yet, found by
    listing the files, so that the files of old batches are not even opened.
#}
{% macro is_new_batch() -%}
    {%- if execute -%}
        {%- set new_batches = run_query(batches_of_the_log() ~ " except select batch from " ~ this ~ " order by batch").columns[0].values() -%}
        {%- if new_batches | length > 0 -%}
            batch in ('{{ new_batches | join("', '") }}')
        {%- else -%}
            false
        {%- endif -%}
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{% macro batches_of_the_log() -%}
    {{ return(adapter.dispatch('batches_of_the_log')()) }}
{%- endmacro %}

{% macro duckdb__batches_of_the_log() -%}
    select distinct regexp_extract(file, 'batch=([^/]+)/', 1) as batch
    from glob('{{ env_var('SHOPSIGHT_HOME') }}/event_log/arrival_date=*/batch=*/events/*.parquet')
{%- endmacro %}

{# True for the days that --vars '{start_date: ..., end_date: ...}' asks to rebuild. #}
{% macro is_asked_day(relation='') -%}
    {%- if var('start_date') and var('end_date') -%}
        {%- set day = relation ~ '.event_date' if relation else 'event_date' -%}
        ({{ day }} >= date '{{ var("start_date") }}' and {{ day }} < date '{{ var("end_date") }}')
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{# Pre-hook of int_events: takes the asked days out, for they are read again. #}
{% macro forget_asked_days() -%}
    {%- if is_incremental() and var('start_date') and var('end_date') -%}
        delete from {{ this }} where {{ is_asked_day() }}
    {%- endif -%}
{%- endmacro %}

{# True for the rows of batches that correct events of earlier batches, as their manifests say. #}
{% macro is_correcting_batch() -%}
    {{ return(adapter.dispatch('is_correcting_batch')()) }}
{%- endmacro %}

{% macro duckdb__is_correcting_batch() -%}
    {%- set correcting = [] -%}
    {%- if execute -%}
        {%- set manifests = env_var('SHOPSIGHT_HOME') ~ '/event_log/arrival_date=*/batch=*/manifest.json' -%}
        {%- if run_query("select count(*) from glob('" ~ manifests ~ "')").columns[0].values()[0] -%}
            {%- set correcting = run_query(
                "select batch_id from read_json('" ~ manifests
                ~ "', columns = {batch_id: 'varchar', accepted: 'bigint', rows: 'bigint'})"
                ~ " where \"rows\" > accepted order by batch_id"
            ).columns[0].values() -%}
        {%- endif -%}
    {%- endif -%}
    {{ "batch in ('" ~ correcting | join("', '") ~ "')" if correcting else 'false' }}
{%- endmacro %}
