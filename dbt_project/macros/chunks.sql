{#
    A table that is filled a part at a time, so that what a model needs at once does not grow with the log.

    The windows and joins of a large model hold all rows that they work on. Entities (shoppers, sessions, days) do not
    depend on one another, and so can be made in chunks of about var('chunk_events') events: a chunk fits into memory,
    where the whole would be written to disk and read again many times, at a cost that grows faster than the log.

    A model says with `in_chunk` which column tells its rows' chunk, and with `config.changed_events` how many events a
    run has to work on. One whose joins make several rows of an event (`config.rows_per_event`) takes as many times fewer
    at a time, and one that holds few of the rows that it reads takes more. Each chunk is committed: a run that is killed
    leaves whole chunks, all of them right, and the next run finds by their fingerprints which entities are still to be
    made (see fingerprints.sql).
#}

{# A condition on the rows of a chunked model; the materialization narrows it to one chunk after the other. #}
{% macro in_chunk(column) -%}
    true /* in chunk of {{ column }} */
{%- endmacro %}

{# The model's SQL for one of its chunks, counted from 0. #}
{% macro sql_of_chunk(sql, chunk, chunks) -%}
    {%- if chunks == 1 -%}
        {{ return(sql) }}
    {%- endif -%}
    {%- set condition = bucket_of('\\1', chunks) ~ ' = ' ~ chunk -%}
    {{ return(modules.re.sub('true /[*] in chunk of (.+?) [*]/', condition, sql)) }}
{%- endmacro %}

{% materialization chunked, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set goes_on = is_later_run() -%}
    {%- set changed_events = run_query(render(config.require('changed_events'))).columns[0].values()[0] -%}
    {%- set rows = changed_events * config.get('rows_per_event', 1) -%}
    {%- set chunks = [1, (rows / var('chunk_events')) | round(0, 'ceil') | int] | max -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if goes_on -%}
        {%- set sample = make_temp_relation(target) -%}
        {%- do run_query(create_table_as(True, sample, 'select * from (' ~ sql ~ ') as made limit 0')) -%}
        {%- do process_schema_changes('fail', sample, existing) -%}
        {%- do adapter.drop_relation(sample) -%}
    {%- elif existing is not none -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}

    {%- for chunk in range(chunks) -%}
        {%- set chunk_sql = sql_of_chunk(sql, chunk, chunks) -%}
        {%- call statement('main' if loop.last else 'chunk') -%}
            {%- if loop.first and not goes_on -%}
                {{ create_table_as(False, target, chunk_sql) }}
            {%- else -%}
                {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') -%}
                insert into {{ target }} ({{ columns }})
                select {{ columns }} from ({{ chunk_sql }}) as made
            {%- endif -%}
        {%- endcall -%}
        {%- do adapter.commit() -%}
    {%- endfor -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}
