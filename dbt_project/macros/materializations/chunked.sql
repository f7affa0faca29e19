{# Fills a table chunk by chunk; ../chunks.sql says why and what a model brings. #}
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
