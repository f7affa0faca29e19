{#
    What Spark has in place of the parts that are DuckDB's own; how a run goes on from what there is stands in
    spark_changes.sql.
#}

{#
    Names the files of the event log as the tables that the staging models read; shopsight.spark_warehouse calls it
    before a build. Views list the files whenever they are read; a table of files may have none.
#}
{% macro open_event_log() -%}
    {%- set home = env_var('SHOPSIGHT_HOME') -%}
    {%- set files = {'events': 'events', 'items': 'items.parquet', 'users': 'users.parquet'} -%}
    {%- do run_query('create database if not exists event_log') -%}
    {%- for table, place in files.items() -%}
        {%- do run_query(
            "create or replace view event_log." ~ table ~ " as select *, "
            ~ "regexp_extract(_metadata.file_path, 'arrival_date=([^/]+)/', 1) as arrival_date, "
            ~ "regexp_extract(_metadata.file_path, 'batch=([^/]+)/', 1) as batch "
            ~ "from parquet.`" ~ home ~ "/event_log/arrival_date=*/batch=*/" ~ place ~ "`"
        ) -%}
    {%- endfor -%}
    {%- do run_query('drop table if exists event_log.manifests') -%}
    {%- do run_query(
        "create table event_log.manifests (batch_id string, accepted bigint, rows bigint) using json options (path '"
        ~ home ~ "/event_log', recursiveFileLookup 'true', pathGlobFilter 'manifest.json', multiLine 'true')"
    ) -%}
    {%- do run_query('drop table if exists event_log.currency_rates') -%}
    {%- do run_query(
        "create table event_log.currency_rates (date date, currency string, rate double) using csv options (path '"
        ~ home ~ "/currency_rates.csv', header 'true')"
    ) -%}
{%- endmacro %}

{% macro spark__currency_rates() -%}
    event_log.currency_rates as csv
{%- endmacro %}

{% macro spark__is_correcting_batch() -%}
    batch in (select manifests.batch_id from event_log.manifests as manifests where manifests.rows > manifests.accepted)
{%- endmacro %}

{# Ingestion has looked at the columns of each batch; on Spark no second look is taken. #}
{% macro spark__refuse_unlisted_columns(table, files) -%}
{%- endmacro %}

{#
    A mart's columns have the types of its contract, which DuckDB only checks: Spark numbers rows in four bytes, and its
    sums are as wide as they like. A mart that lacks a column of its contract fails.
#}
{% macro as_contracted(sql) -%}
    {%- set columns = [] -%}
    {%- for column in model.columns.values() -%}
        {%- do columns.append('cast(made.' ~ column.name ~ ' as ' ~ spark_type(column.data_type) ~ ') as ' ~ column.name) -%}
    {%- endfor -%}
    {{ return('select ' ~ columns | join(', ') ~ ' from (' ~ sql ~ ') as made') }}
{%- endmacro %}

{# Spark's name of a type that a contract names in DuckDB's words. #}
{% macro spark_type(data_type) -%}
    {%- set names = {'varchar': 'string', 'varchar[]': 'array<string>', 'timestamptz': 'timestamp'} -%}
    {{ return(names.get(data_type, data_type)) }}
{%- endmacro %}
