{#
    How marts lie on the disk: Parquet files that only ever come and go, never change.

    A mart is a list of parts in exports/parts/. What a run makes is a new part; what it makes anew is named, by its
    entity, in a record of deletes that counts against every part before it. The number of a part or a record, taken from
    one sequence, says what came before what. Every row carries the number of its part. The schema `parts` of the
    warehouse keeps the books, in the transaction that a part is made in:

    - parts.files: every part and every record of deletes that counts;
    - parts.marts: of each mart the columns that deletes name rows by, its order, its columns and the setting that it was
      made with.

    What a killed run has written and not noted is a file that nobody names. Readers go by exports/manifest.json, which
    publish_marts writes at the end of a run: all marts change in one rename, or none does.
#}

{# On-run-start: the books. #}
{% macro open_parts() -%}
    {%- if target.type == 'duckdb' -%}
        create schema if not exists parts;
        create sequence if not exists parts.numbers;
        create table if not exists parts.files (mart varchar, kind varchar, number bigint, file varchar, row_count bigint);
        create table if not exists parts.marts (mart varchar primary key, entity varchar[], sorted_by varchar[], shape varchar, setting varchar);
    {%- endif -%}
{%- endmacro %}

{# Where parts lie. #}
{% macro parts_folder() -%}
    {{ env_var('SHOPSIGHT_HOME') }}/warehouse/exports/parts
{%- endmacro %}

{# A mart's rows: those of its parts that no later record deletes. #}
{% macro sql_of_parts(mart, row_key, columns) -%}
    {%- set files = run_query(
        "select file, kind from parts.files where mart = '" ~ mart ~ "' order by number"
    ).rows -%}
    {%- set folder = parts_folder() -%}
    {%- set rows, deletes = [], [] -%}
    {%- for file, kind in files -%}
        {%- do (rows if kind == 'rows' else deletes).append("'" ~ folder ~ '/' ~ file ~ "'") -%}
    {%- endfor -%}
    select {{ columns | join(', ') }}
    from read_parquet([{{ rows | join(', ') }}]) as made
    {%- if deletes %}
    where not exists (
        select 1
        from read_parquet([{{ deletes | join(', ') }}]) as gone
        where
            {% for key in row_key %}gone.{{ key }} = made.{{ key }} and {% endfor -%}
            gone.part > made.part
    )
    {%- endif -%}
{%- endmacro %}

{# Writes a part and notes it; returns how many rows it has. A part without rows is noted only where it is the first. #}
{% macro write_part(mart, sql, columns, sorted_by=[], kind='rows') -%}
    {%- set number = run_query("select nextval('parts.numbers')").columns[0].values()[0] -%}
    {%- set file = mart ~ '-' ~ number ~ '-' ~ invocation_id[:8] ~ ('-deletes' if kind == 'deletes') ~ '.parquet' -%}
    {%- set written -%}
        copy (
            select {{ columns | join(', ') }}, {{ number }}::bigint as part
            from ({{ sql }}) as made
            {{ 'order by ' ~ sorted_by | join(', ') if sorted_by }}
        )
        to '{{ parts_folder() }}/{{ file }}' (format parquet, compression zstd, use_tmp_file true)
    {%- endset -%}
    {%- set row_count = run_query(written).columns[0].values()[0] -%}
    {%- do run_query(
        "insert into parts.files select '" ~ mart ~ "', '" ~ kind ~ "', " ~ number ~ ", '" ~ file ~ "', " ~ row_count
        ~ " where " ~ row_count ~ " > 0 or not exists (select 1 from parts.files where mart = '" ~ mart ~ "')"
    ) -%}
    {{ return(row_count) }}
{%- endmacro %}

{# Fails where a column that must not be null is null in the parts that a run made. #}
{% macro refuse_nulls(mart, after) -%}
    {%- set required = [] -%}
    {%- for column in model.columns.values() if 'not_null' in column.constraints | map(attribute='type') | map('string') -%}
        {%- do required.append(column.name) -%}
    {%- endfor -%}
    {%- set files = run_query(
        "select file from parts.files where kind = 'rows' and mart = '" ~ mart ~ "' and number > " ~ after
    ).columns[0].values() -%}
    {%- if required and files -%}
        {%- set nulls = run_query(
            "select " ~ "count(*) - count(" ~ required | join("), count(*) - count(") ~ ") from read_parquet(['"
            ~ parts_folder() ~ "/" ~ files | join("', '" ~ parts_folder() ~ "/") ~ "'])"
        ).rows[0] -%}
        {%- for column in required -%}
            {%- if nulls[loop.index0] > 0 -%}
                {{ exceptions.raise_compiler_error(
                    'NOT NULL constraint failed: ' ~ mart ~ '.' ~ column ~ ' is null in ' ~ nulls[loop.index0] ~ ' rows'
                ) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{#
    On-run-end: has every reader see what the run made. Where something failed, a test of the data too, readers keep
    what they have. A mart that the run did not make is published as it was, whatever a run that was killed or that
    failed has written of it since, and whoever was taken out of it since.
#}
{% macro publish_marts(results) -%}
    {%- if execute and target.type == 'duckdb' and flags.WHICH in ('run', 'build', 'retry') -%}
        {%- set failures = results | selectattr('status', 'in', ['error', 'fail', 'runtime error']) | list -%}
        {%- if failures -%}
            {{ log('Readers keep the marts as they were: ' ~ failures | length ~ ' nodes of this run failed.', info=True) }}
        {%- else -%}
            {%- set made = results | selectattr('status', 'equalto', 'success') | map(attribute='node.name') | list -%}
            {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | map(attribute='name') | list -%}
            {%- set manifest = env_var('SHOPSIGHT_HOME') ~ '/warehouse/exports/manifest.json' -%}
            {%- set published = run_query("select 1 from glob('" ~ manifest ~ "')").rows | length > 0 -%}
            copy (
                with

                noted as (

                    select
                        files.mart,
                        {
                            entity: coalesce(any_value(marts.entity), []),
                            sorted_by: coalesce(any_value(marts.sorted_by), []),
                            parts: list({file: files.file, number: files.number, rows: files.row_count} order by files.number)
                                filter (where files.kind = 'rows'),
                            deletes: coalesce(
                                list({file: files.file, number: files.number, rows: files.row_count} order by files.number)
                                    filter (where files.kind = 'deletes'),
                                []
                            )
                        } as state
                    from parts.files as files
                    inner join parts.marts as marts on files.mart = marts.mart
                    where files.mart in ('{{ made | join("', '") }}')
                    group by files.mart

                ),

                kept as (

                    {% if published -%}
                    select entry.key as mart, entry.value as state
                    from (
                        select unnest(map_entries(marts)) as entry
                        from read_json('{{ manifest }}', columns = {
                            marts: 'map(varchar, struct(
                                entity varchar[],
                                sorted_by varchar[],
                                parts struct(file varchar, "number" bigint, "rows" bigint)[],
                                deletes struct(file varchar, "number" bigint, "rows" bigint)[]
                            ))'
                        })
                    )
                    where
                        entry.key not in ('{{ made | join("', '") }}')
                        and entry.key in ('{{ models | join("', '") }}')
                    {%- else -%}
                    select * from noted where false
                    {%- endif %}

                )

                select map_from_entries(coalesce(list((mart, state) order by mart), [])) as marts
                from (from noted union all from kept)
            )
            to '{{ manifest }}' (format json, use_tmp_file true)
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Names as a list of texts. #}
{% macro list_of(names) -%}
    {{ "['" ~ names | join("', '") ~ "']" if names else '[]::varchar[]' }}
{%- endmacro %}
