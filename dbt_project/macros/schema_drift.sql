{#
    Pre-hook of a staging model: fails, with the column's name, where a file of the log has a column that the source does
    not list, lacks one that it lists, or has one of another type. Without it a new column would be passed over in
    silence, and the first file's columns would decide for all. Files of batches that int_events holds were looked at
    when they came, and are not opened again.
#}
{% macro refuse_unlisted_columns(table, files) -%}
    {{ return(adapter.dispatch('refuse_unlisted_columns')(table, files)) }}
{%- endmacro %}

{% macro duckdb__refuse_unlisted_columns(table, files) -%}
    {%- if execute -%}
        {%- set listed = (graph.sources.values() | selectattr('name', 'equalto', table) | first).columns.values() -%}
        {%- set held = adapter.get_relation(this.database, 'intermediate', 'int_events') -%}
        {%- set glob = env_var('SHOPSIGHT_HOME') ~ '/event_log/arrival_date=*/batch=*/' ~ files -%}
        {%- set news -%}
            select file from glob('{{ glob }}')
            {%- if table == 'events' and held and not flags.FULL_REFRESH %}
            where regexp_extract(file, 'batch=([^/]+)/', 1) not in (select held.batch from {{ held }} as held)
            {%- endif %}
            order by file
        {%- endset -%}
        {%- set paths = run_query(news).columns[0].values() -%}
        {%- if paths | length > 0 -%}
            {%- set differing -%}
                with

                listed (name, kind) as (

                    values
                    {%- for column in listed if column.data_type %}
                    ('{{ column.name }}', '{{ column.data_type | upper }}'){{ ',' if not loop.last }}
                    {%- endfor %}

                ),

                found as (

                    select file_name, name, duckdb_type as kind
                    from parquet_schema(['{{ paths | join("', '") }}'])
                    where duckdb_type is not null

                ),

                expected as (

                    select files.file_name, listed.name, listed.kind
                    from (select distinct found.file_name from found) as files
                    cross join listed

                )

                select
                    coalesce(found.name, expected.name) || case
                        when expected.name is null then ' is not known'
                        when found.name is null then ' is missing'
                        else ' is ' || found.kind || ' and not ' || expected.kind
                    end || ' in ' || coalesce(found.file_name, expected.file_name)
                from found
                full join expected on found.file_name = expected.file_name and found.name = expected.name
                where found.kind is distinct from expected.kind
                order by all
                limit 10
            {%- endset -%}
            {%- set faults = run_query(differing).columns[0].values() -%}
            {%- if faults | length > 0 -%}
                {{ exceptions.raise_compiler_error('the event log has other columns than its source lists: ' ~ faults | join('; ')) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
