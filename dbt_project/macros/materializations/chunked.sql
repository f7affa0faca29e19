{#
    Fills a table chunk by chunk (../chunks.sql), with what has changed of its `entities` and `condition` lets in
    (../changes.sql). `entity` is the column, or the columns, that tell which of them a row belongs to. A table of which
    other models are made, `is_entities`, says of its own rows when they changed.
#}
{% materialization chunked, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set goes_on = is_later_run() -%}
    {%- set keys = config.require('entity') -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- set entities = ref(config.require('entities')) -%}
    {%- set is_entities = config.get('is_entities', false) -%}
    {%- set sql = 'select made.*, ' ~ this_run() ~ ' as changed_in from (' ~ sql ~ ') as made' if is_entities else sql -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do open_transaction() -%}
    {%- do refuse_what_is_behind() -%}

    {%- if goes_on -%}
        {%- set sample = make_temp_relation(target) -%}
        {%- do run_query(create_table_as(True, sample, 'select * from (' ~ sql ~ ') as made limit 0')) -%}
        {%- do process_schema_changes('fail', sample, existing) -%}
        {%- do adapter.drop_relation(sample) -%}
        {%- do forget_changed(target, keys, entities, is_entities) -%}
    {%- else -%}
        {%- do run_query("delete from changes.taken where model = '" ~ this.identifier ~ "'") -%}
        {%- if existing is not none -%}
            {%- do adapter.drop_relation(existing) -%}
        {%- endif -%}
    {%- endif -%}

    {%- set changed = run_query(changed_events(entities, config.get('condition', 'is_personal'))).columns[0].values()[0] -%}
    {%- set rows = changed * config.get('rows_per_event', 1) -%}
    {%- set chunks = [1, (rows / var('chunk_events')) | round(0, 'ceil') | int] | max -%}
    {%- for chunk in range(chunks) -%}
        {%- set chunk_sql = sql_of_chunk(sql, chunk, chunks) -%}
        {%- call statement('main' if loop.last else 'chunk') -%}
            {%- if loop.first and not goes_on -%}
                {{ create_table_as(False, target, chunk_sql) }}
            {%- elif changed -%}
                {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') -%}
                insert into {{ target }} ({{ columns }})
                select {{ columns }} from ({{ chunk_sql }}) as made
            {%- else -%}
                select 'nothing has changed'
            {%- endif -%}
        {%- endcall -%}
        {%- if loop.first and is_entities and not goes_on -%}
            {%- do run_query(begin_entities(keys)) -%}
        {%- endif -%}
        {%- if loop.last -%}
            {%- do run_query(take_up(entities.identifier)) -%}
        {%- endif -%}
        {%- do adapter.commit() -%}
    {%- endfor -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#
    Takes out the rows of entities that are gone or are made again, of what a killed run has made of them, too, and notes
    them as gone where other models are made from them.
#}
{% macro forget_changed(target, keys, entities, is_entities) -%}
    {%- set changed = 'changed_' ~ target.identifier -%}
    {%- set noted -%}
        create or replace temp table {{ changed }} as
        select {{ keys | join(', ') }} from {{ gone_of(entities.identifier) }} where number > {{ taken_up_to() }}
        union
        select {{ keys | join(', ') }} from {{ entities }} where changed_in > {{ taken_up_to() }}
    {%- endset -%}
    {%- do run_query(noted) -%}
    {%- if run_query('select exists (from ' ~ changed ~ ')').columns[0].values()[0] -%}
        {%- if is_entities -%}
            {%- do run_query(
                'insert into ' ~ gone_of(target.identifier) ~ ' select distinct held.' ~ keys | join(', held.') ~ ', '
                ~ this_run() ~ ' from ' ~ target ~ ' as held inner join ' ~ changed ~ ' as changed on '
                ~ same_keys('changed', 'held', keys)
            ) -%}
        {%- endif -%}
        {%- do run_query(
            'delete from ' ~ target ~ ' as held using ' ~ changed ~ ' as changed where '
            ~ same_keys('changed', 'held', keys)
        ) -%}
    {%- endif -%}
    {%- do run_query('drop table ' ~ changed) -%}
    {%- if is_entities -%}
        {%- do run_query(
            'delete from ' ~ gone_of(target.identifier)
            ~ " where number <= (select min(number) from changes.taken where entities = '" ~ target.identifier ~ "')"
        ) -%}
    {%- endif -%}
{%- endmacro %}
