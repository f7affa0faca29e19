{#
    The books of changes.sql on Spark, which has no transactions, and of which Parquet tables can neither be deleted from
    nor changed. They are properties of the tables themselves, so that rows and their note change in one statement:

    - `taken`: the run up to which a model has taken up what changed; `setting`: what else its rows depend on.
    - `changed`: of entities, the last run that found one new, changed or gone; `begun`: the run that made all of them.
    - `rows`: of a view, the table that it shows.

    A model is a view over one of two tables. A run writes the other one: what it keeps of the rows that there are, and
    what it makes; and then has the view show that one. Readers see the one or the other, and what they are reading stays
    until the next run. In Delta and Iceberg (var('table_format')) a model is one table, and what a run makes is a MERGE.

    What is gone is noted first, then the rows change, and the model's note with them: what a run that is killed leaves is
    found as changed again by the next.
#}

{# On-run-start. One number a run; two runs at a time would take the same, and are not meant to be. #}
{% macro spark__open_changes() -%}
    {%- if execute and flags.WHICH in ('run', 'build', 'retry') -%}
        {%- if var('start_date') and var('end_date') and not flags.FULL_REFRESH -%}
            {{ exceptions.raise_compiler_error(
                'start_date and end_date ask for days to be made again, which Spark does not: build all with --full-refresh'
            ) }}
        {%- endif -%}
        {%- do run_query('create database if not exists changes') -%}
        {%- do run_query('create table if not exists changes.run (number bigint) ' ~ file_format_clause_of_books()) -%}
        {%- do run_query(
            "alter table changes.run set tblproperties ('number' = '" ~ (number_in('changes.run', 'number') + 1) ~ "')"
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro file_format_clause_of_books() -%}
    using {{ var('table_format', 'parquet') }}
{%- endmacro %}

{% macro spark__this_run() -%}
    cast({{ number_in('changes.run', 'number') }} as bigint)
{%- endmacro %}

{#
    As a number, for it stands in what is compiled: a model whose entities have begun anew, or whose setting is another,
    has not begun.
#}
{% macro spark__taken_up_to() -%}
    {%- set held = load_relation(this) if execute -%}
    {%- set entities = config.get('entities') -%}
    {%- if not held or not entities or text_in(held, 'setting') != render(config.get('setting', '')) -%}
        {{ return('-1') }}
    {%- endif -%}
    {%- set taken = number_in(held, 'taken') -%}
    {{ return((taken if taken >= number_in(ref(entities), 'begun') else -1) | string) }}
{%- endmacro %}

{% macro spark__behind_among(inputs) -%}
    {%- set behind = [] -%}
    {%- for input in inputs -%}
        {%- set held = load_relation(this.incorporate(path={'schema': input.schema, 'identifier': input.name})) -%}
        {%- set entities = this.incorporate(path={'schema': input.schema, 'identifier': input.config.entities}) -%}
        {%- if not held or number_in(held, 'taken') < number_in(entities, 'changed') -%}
            {%- do behind.append(input.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(behind) }}
{%- endmacro %}

{# A property of a table or view: a number, -1 where there is none. #}
{% macro number_in(relation, name) -%}
    {{ return((text_in(relation, name) or '-1') | int) }}
{%- endmacro %}

{# The same as text, empty where there is none. #}
{% macro text_in(relation, name) -%}
    {%- set found = [] -%}
    {%- for row in run_query('show tblproperties ' ~ relation).rows if row[0] == name -%}
        {%- do found.append(row[1] | string) -%}
    {%- endfor -%}
    {{ return(found | first | default('', true)) }}
{%- endmacro %}

{% macro properties_clause(properties) -%}
    {%- set pairs = [] -%}
    {%- for name, value in properties.items() -%}{%- do pairs.append("'" ~ name ~ "' = '" ~ value ~ "'") -%}{%- endfor -%}
    tblproperties ({{ pairs | join(', ') }})
{%- endmacro %}

{% macro is_table_format() -%}
    {{ return(var('table_format') != 'parquet') }}
{%- endmacro %}

{#
    How int_events takes up batches: a batch of Parquet is a folder, which is there as a whole or not at all. An append
    that is killed could leave half a batch; of Delta and Iceberg it is one commit.
#}
{% macro strategy_of_batches() -%}
    {{ return(adapter.dispatch('strategy_of_batches')()) }}
{%- endmacro %}

{% macro duckdb__strategy_of_batches() -%}
    {{ return('append') }}
{%- endmacro %}

{% macro spark__strategy_of_batches() -%}
    {{ return('append' if is_table_format() else 'insert_overwrite') }}
{%- endmacro %}

{% macro partition_of_batches() -%}
    {{ return(adapter.dispatch('partition_of_batches')()) }}
{%- endmacro %}

{% macro duckdb__partition_of_batches() -%}
    {{ return(none) }}
{%- endmacro %}

{% macro spark__partition_of_batches() -%}
    {{ return(none if is_table_format() else ['batch']) }}
{%- endmacro %}

{% macro spark__batches_of_the_log() -%}
    select distinct batch from event_log.events
{%- endmacro %}

{# Makes a model anew, whole. #}
{% macro replace_rows(relation, rows, properties) -%}
    {%- if is_table_format() -%}
        {%- call statement('main') -%}
            create or replace table {{ relation }} {{ file_format_clause() }} {{ properties_clause(properties) }} as
            {{ rows }}
        {%- endcall -%}
    {%- else -%}
        {%- do show_rows(relation, write_rows(relation, rows), properties) -%}
    {%- endif -%}
{%- endmacro %}

{# Writes the table that a view does not show, and returns it. #}
{% macro write_rows(relation, rows) -%}
    {%- set held = load_relation(relation) -%}
    {%- set shown = text_in(held, 'rows') if held else '' -%}
    {%- set written = relation.incorporate(
        path={'identifier': relation.identifier ~ ('__b' if shown.endswith('__a') else '__a')}, type='table'
    ) -%}
    {%- do run_query('drop table if exists ' ~ written) -%}
    {%- call statement('main') -%}
        create table {{ written }} {{ file_format_clause() }} as
        {{ rows }}
    {%- endcall -%}
    {{ return(written) }}
{%- endmacro %}

{# Has a view show that table, and say what is so of its rows. #}
{% macro show_rows(relation, written, properties) -%}
    {%- do properties.update({'rows': written.identifier}) -%}
    {%- do run_query(
        'create or replace view ' ~ relation ~ ' ' ~ properties_clause(properties) ~ ' as select * from ' ~ written
    ) -%}
{%- endmacro %}

{# Takes out the rows of the entities in `changed`, by the condition `same`, and puts in others, in one statement. #}
{% macro replace_entities(relation, keys, changed, same, rows, properties) -%}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set made = get_columns_in_query(rows) -%}
    {%- if made | sort != columns | sort -%}
        {{ exceptions.raise_compiler_error(
            relation.identifier ~ ' has other columns than the rows that there are; build it with --full-refresh. It has: '
            ~ made | join(', ') ~ '; they have: ' ~ columns | join(', ')
        ) }}
    {%- endif -%}
    {%- if is_table_format() -%}
        {%- call statement('main') -%}
            merge into {{ relation }} as held
            using (
                select
                    {% for key in keys %}null as changed_{{ key }}, {% endfor -%}
                    {{ columns | join(', ') }}
                from ({{ rows }}) as made
                union all
                select
                    {{ keys | join(', ') }}
                    {%- for column in columns %}, null{% endfor %}
                from ({{ changed }}) as changed
            ) as changed
            on {{ same }}
            when matched then delete
            when not matched and changed.changed_{{ keys[0] }} is null
                then insert ({{ columns | join(', ') }}) values (changed.{{ columns | join(', changed.') }})
        {%- endcall -%}
        {%- do run_query('alter table ' ~ relation ~ ' set ' ~ properties_clause(properties)) -%}
    {%- else -%}
        {%- set written = write_rows(
            relation,
            'select held.' ~ columns | join(', held.') ~ ' from ' ~ relation ~ ' as held left anti join (select '
            ~ keys_as_changed(keys) ~ ' from (' ~ changed ~ ') as changed) as changed on ' ~ same
            ~ ' union all select ' ~ columns | join(', ') ~ ' from (' ~ rows ~ ') as made'
        ) -%}
        {%- do show_rows(relation, written, properties) -%}
    {%- endif -%}
{%- endmacro %}

{% macro keys_as_changed(keys) -%}
    {% for key in keys %}{{ key }} as changed_{{ key }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
