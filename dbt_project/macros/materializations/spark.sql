{#
    What DuckDB fills in chunks and keeps as parts is a table on Spark, which spreads its work over tasks itself, and a
    mart's table is what its readers read (../spark_changes.sql).
#}
{% materialization chunked, adapter='spark' %}
    {{ return(rows_of_entities(sql)) }}
{% endmaterialization %}

{% materialization parts, adapter='spark' %}
    {{ return(rows_of_entities(as_contracted(sql))) }}
{% endmaterialization %}

{# Makes all rows, or those of the entities that have changed since this model last took them up. #}
{% macro rows_of_entities(sql) -%}
    {%- set target = this.incorporate(type='table' if is_table_format() else 'view') -%}
    {%- set keys = config.get('entity', []) -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- set is_entities = config.get('is_entities', false) -%}
    {%- set number = number_in('changes.run', 'number') -%}
    {%- set properties = {'taken': number, 'setting': render(config.get('setting', ''))} -%}
    {%- if is_entities -%}
        {%- do properties.update({'changed': number}) -%}
        {%- set sql = 'select made.*, ' ~ this_run() ~ ' as changed_in from (' ~ sql ~ ') as made' -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks) }}
    {%- do refuse_what_is_behind() -%}
    {%- if not keys or not is_later_run() -%}
        {%- if is_entities -%}
            {%- do properties.update({'begun': number}) -%}
            {%- do open_gone(keys, sql) -%}
        {%- endif -%}
        {%- do drop_other_kind(target) -%}
        {%- do replace_rows(target, sql, properties) -%}
    {%- else -%}
        {%- set entities = ref(config.require('entities')) -%}
        {%- set taken = taken_up_to() -%}
        {%- if number_in(entities, 'changed') > taken | int -%}
            {%- set changed = changed_since(keys, entities, taken) -%}
            {%- if is_entities -%}
                {%- do properties.update({'begun': number_in(target, 'begun')}) -%}
                {%- do run_query(
                    'insert into ' ~ gone_of(target.identifier) ~ ' select distinct held.' ~ keys | join(', held.') ~ ', '
                    ~ this_run() ~ ' from ' ~ target ~ ' as held inner join (' ~ changed ~ ') as changed on '
                    ~ same_keys('changed', 'held', keys)
                ) -%}
            {%- endif -%}
            {%- set same = [] -%}
            {%- for key in keys -%}
                {%- set held = utc_date('held.' ~ config.get('event_time')) if key == 'event_date' and config.get('event_time') else 'held.' ~ key -%}
                {%- do same.append('changed.changed_' ~ key ~ ' = ' ~ held) -%}
            {%- endfor -%}
            {%- do replace_entities(target, keys, changed, same | join(' and '), sql, properties) -%}
        {%- else -%}
            {%- call statement('main') -%}
                select 'nothing has changed'
            {%- endcall -%}
        {%- endif -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target]}) }}
{%- endmacro %}

{# The entities whose rows are not what they were: those that are gone, and those that have changed. #}
{% macro changed_since(keys, entities, taken) -%}
    select {{ keys | join(', ') }} from {{ gone_of(entities.identifier) }} where number > {{ taken }}
    union
    select {{ keys | join(', ') }} from {{ entities }} where changed_in > {{ taken }}
{%- endmacro %}

{#
    Compares the entities with those of the run before, and keeps of each one when it changed. Where none has, what there
    is stays. `rows` of all entities are written by every run, for their fingerprints are made anew by it.
#}
{% materialization tracked, adapter='spark' %}
    {%- set target = this.incorporate(type='view') -%}
    {%- set keys = config.require('key') -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- set number = number_in('changes.run', 'number') -%}
    {%- set existing = load_relation(this) -%}
    {%- set columns = get_columns_in_query(sql) -%}
    {%- set held_columns = adapter.get_columns_in_relation(existing) | map(attribute='name') | list if existing else [] -%}

    {{ run_hooks(pre_hooks) }}
    {%- if existing and not should_full_refresh() and (columns + ['changed_in']) | sort == held_columns | sort -%}
        {%- set compared -%}
            select
                fresh.*,
                case when held.fingerprint = fresh.fingerprint then held.changed_in else {{ this_run() }} end as changed_in
            from ({{ sql }}) as fresh
            left join {{ target }} as held on {{ same_keys('fresh', 'held', keys) }}
        {%- endset -%}
        {%- set written = write_rows(target, compared) -%}
        {%- do run_query(
            'insert into ' ~ gone_of(this.identifier) ~ ' select held.' ~ keys | join(', held.') ~ ', ' ~ this_run()
            ~ ' from ' ~ target ~ ' as held left anti join ' ~ written ~ ' as fresh on ' ~ same_keys('fresh', 'held', keys)
            ~ ' and fresh.changed_in < ' ~ number
        ) -%}
        {%- set has_changed = run_query(
            'select (select count(*) from ' ~ written ~ ' where changed_in = ' ~ number ~ ') + (select count(*) from '
            ~ gone_of(this.identifier) ~ ' where number = ' ~ number ~ ') > 0'
        ).columns[0].values()[0] -%}
        {%- if has_changed -%}
            {%- do show_rows(target, written, {'begun': number_in(target, 'begun'), 'changed': number}) -%}
        {%- endif -%}
    {%- else -%}
        {%- do open_gone(keys, sql) -%}
        {%- do drop_other_kind(target) -%}
        {%- set written = write_rows(target, 'select fresh.*, ' ~ this_run() ~ ' as changed_in from (' ~ sql ~ ') as fresh') -%}
        {%- do show_rows(target, written, {'begun': number, 'changed': number}) -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Where entities that are gone will be noted. What is noted there of entities that begin anew, nobody asks for any more. #}
{% macro open_gone(keys, sql) -%}
    {%- do run_query(
        'create table if not exists ' ~ gone_of(this.identifier) ~ ' ' ~ file_format_clause() ~ ' as select '
        ~ keys | join(', ') ~ ', cast(0 as bigint) as number from (' ~ sql ~ ') as made where false'
    ) -%}
{%- endmacro %}

{# A table that older versions made where a view has to be, or the other way about. #}
{% macro drop_other_kind(target) -%}
    {%- set existing = load_relation(target) -%}
    {%- if existing and existing.type != target.type -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
{%- endmacro %}
