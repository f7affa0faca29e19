{#
    A mart as parts on the disk (../parts.sql), with a view over them in the warehouse.

    With `entity` (the columns that tell an entity) and `entities` (the model that has a fingerprint of each) a run makes
    the entities whose fingerprint is another, or that `condition` now lets in, and deletes those it no longer lets in;
    ../fingerprints.sql says why that equals a full refresh. A mart of single events, which has no column for the
    `event_date` of its entities, says with `event_time` which moment of its rows that is the day of. With `in_chunks` it makes them a chunk at a time. Where the
    `setting` that the rows depend on is another, all are made anew. `asked` is the model beside `entities` whose events
    tell which entities lie on the days that a run was asked to make again. Without `entity` the mart is one part, made
    whole by every run.
#}
{% materialization parts, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set mart = this.identifier -%}
    {%- set entity = config.get('entity', []) -%}
    {%- set entity = [entity] if entity is string else entity -%}
    {%- set row_key = row_key_of(entity, config.get('event_time')) -%}
    {%- set columns = model.columns.keys() | list -%}
    {%- set sorted_by = config.get('meta', {}).get('sorted_by', []) -%}
    {%- set shape = [] -%}
    {%- for column in model.columns.values() -%}{%- do shape.append(column.name ~ ' ' ~ column.data_type) -%}{%- endfor -%}
    {%- set shape = shape | join(', ') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if entity -%}
        {%- set entities = ref(config.require('entities')) -%}
        {%- set condition = render(config.get('condition', 'is_personal')) -%}
        {%- do run_query(
            "create table if not exists " ~ made_entities() ~ " as select " ~ entity | join(', ') ~ ", fingerprint from "
            ~ entities ~ " limit 0"
        ) -%}
    {%- endif -%}
    {%- do get_assert_columns_equivalent(sql) -%}
    {%- set setting = render(config.get('setting', '')) -%}
    {%- set goes_on = entity and holds_parts(mart, shape, setting) -%}
    {%- set number_before = run_query("select coalesce(max(number), 0) from parts.files").columns[0].values()[0] -%}
    {%- do run_query(
        "insert or replace into parts.marts values ('" ~ mart ~ "', " ~ list_of(row_key) ~ ", " ~ list_of(sorted_by) ~ ", '"
        ~ shape ~ "', '" ~ setting ~ "')"
    ) -%}
    {%- if not goes_on -%}
        {%- do run_query("delete from parts.files where mart = '" ~ mart ~ "'") -%}
    {%- endif -%}

    {%- if not entity -%}
        {%- do write_part(mart, sql, columns, sorted_by) -%}
    {%- else -%}
        {%- if goes_on -%}
            {%- do delete_changed(mart, entity, row_key, columns, entities, condition, config.get('asked')) -%}
        {%- else -%}
            {%- do run_query('delete from ' ~ made_entities()) -%}
        {%- endif -%}
        {%- set chunks = 1 -%}
        {%- if config.get('in_chunks') -%}
            {%- set events = run_query(changed_events(entity, entities, condition)).columns[0].values()[0] -%}
            {%- set rows = events * config.get('rows_per_event', 1) -%}
            {%- set chunks = [1, (rows / var('chunk_events')) | round(0, 'ceil') | int] | max -%}
        {%- endif -%}
        {%- set made -%}
            insert into {{ made_entities() }}
            select distinct {{ entity | join(', ') }}, fingerprint
            from {{ entities }} as entities
            where {{ is_to_make(entity, condition) }} and {{ in_chunk('entities.' ~ entity[0]) }}
        {%- endset -%}
        {%- for chunk in range(chunks) -%}
            {%- do write_part(mart, sql_of_chunk(sql, chunk, chunks), columns, sorted_by) -%}
            {%- do run_query(sql_of_chunk(made, chunk, chunks)) -%}
            {%- if not loop.last -%}
                {%- do adapter.commit() -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}

    {%- do refuse_nulls(mart, number_before) -%}
    {%- if goes_on -%}
        {%- do merge_parts(mart, row_key, columns, sorted_by) -%}
    {%- endif -%}
    {%- if existing is not none and not existing.is_view -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        create or replace view {{ target }} as (
            {{ sql_of_parts(mart, row_key, columns) }}
        )
    {%- endcall -%}
    {%- do adapter.commit() -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#
    Whether a run goes on from the parts that there are: none are missing, and all have today's columns. A mart whose
    columns have changed is refused, not made anew: that is asked for by a full refresh.
#}
{% macro holds_parts(mart, shape, setting) -%}
    {%- set noted = run_query("select shape, setting from parts.marts where mart = '" ~ mart ~ "'").rows -%}
    {%- set files = run_query("select file from parts.files where mart = '" ~ mart ~ "'").columns[0].values() | list -%}
    {%- if should_full_refresh() or not files or noted[0][1] != setting -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set there = run_query(
        "select count(*) from glob('" ~ parts_folder() ~ "/" ~ mart ~ "-*.parquet') where parse_filename(file) in ('"
        ~ files | join("', '") ~ "')"
    ).columns[0].values()[0] -%}
    {%- if there < files | length -%}
        {{ log(mart ~ ': files are missing from exports/parts; it is made anew', info=True) }}
        {{ return(false) }}
    {%- endif -%}
    {%- if noted[0][0] != shape -%}
        {{ exceptions.raise_compiler_error(
            mart ~ ' has other columns than the parts that there are; build it with --full-refresh. It has: ' ~ shape
            ~ '; they have: ' ~ noted[0][0]
        ) }}
    {%- endif -%}
    {{ return(true) }}
{%- endmacro %}

{# The columns that a record of deletes names rows by. #}
{% macro row_key_of(entity, event_time) -%}
    {%- set keys = [] -%}
    {%- for key in entity -%}{%- do keys.append(event_time if event_time and key == 'event_date' else key) -%}{%- endfor -%}
    {{ return(keys) }}
{%- endmacro %}

{# Notes the entities that are not what they were made from as deleted, and those with events on the asked days. #}
{% macro delete_changed(mart, entity, row_key, columns, entities, condition, asked) -%}
    {%- set gone -%}
        create or replace temp table gone_{{ mart }} as
        select {{ entity | join(', ') }}
        from {{ made_entities() }} as made
        where
            not exists (
                select 1
                from {{ entities }} as entities
                where
                    {% for key in entity %}entities.{{ key }} = made.{{ key }} and {% endfor -%}
                    entities.fingerprint = made.fingerprint
                    and {{ condition }}
            )
        {%- if var('start_date') and var('end_date') %}
            or exists (
                select 1
                from {{ entities.incorporate(path={'identifier': asked}) }} as asked
                where {% for key in entity %}asked.{{ key }} = made.{{ key }} and {% endfor -%} {{ is_asked_day() }}
            )
        {%- endif -%}
    {%- endset -%}
    {%- do run_query(gone) -%}
    {%- if run_query("select exists (from gone_" ~ mart ~ ")").columns[0].values()[0] -%}
        {%- set deleted = 'from gone_' ~ mart -%}
        {%- if row_key != entity -%}
            {%- set same = [] -%}
            {%- for key in entity -%}
                {%- set held = utc_date('held.' ~ row_key[loop.index0]) if key == 'event_date' else 'held.' ~ key -%}
                {%- do same.append('gone.' ~ key ~ ' = ' ~ held) -%}
            {%- endfor -%}
            {%- set deleted = 'select distinct held.' ~ row_key | join(', held.') ~ ' from ('
                ~ sql_of_parts(mart, row_key, columns) ~ ') as held inner join gone_' ~ mart ~ ' as gone on '
                ~ same | join(' and ') -%}
        {%- endif -%}
        {%- do write_part(mart, deleted, row_key, kind='deletes') -%}
        {%- set same = [] -%}
        {%- for key in entity -%}{%- do same.append('made.' ~ key ~ ' = gone.' ~ key) -%}{%- endfor -%}
        {%- do run_query(
            "delete from " ~ made_entities() ~ " as made using gone_" ~ mart ~ " as gone where " ~ same | join(' and ')
        ) -%}
    {%- endif -%}
    {%- do run_query("drop table gone_" ~ mart) -%}
{%- endmacro %}

{#
    Makes one part of many, which readers would have to open one by one. What came since the first record of deletes is
    mostly rows made anew: when it is half of what was there before, a third of what readers read may be dead.
#}
{% macro merge_parts(mart, row_key, columns, sorted_by) -%}
    {%- set files, before, since = run_query(
        "select count(*), coalesce(sum(row_count) filter (kind = 'rows' and number < first_deletes), 0), "
        ~ "coalesce(sum(row_count) filter (kind = 'rows' and number > first_deletes), 0) "
        ~ "from (select *, min(number) filter (kind = 'deletes') over () as first_deletes "
        ~ "from parts.files where mart = '" ~ mart ~ "')"
    ).rows[0] -%}
    {%- if files > var('most_parts') or since > 0.5 * before + 1000 -%}
        {%- set live = sql_of_parts(mart, row_key, columns) -%}
        {%- do run_query("delete from parts.files where mart = '" ~ mart ~ "'") -%}
        {%- do write_part(mart, live, columns, sorted_by) -%}
    {%- endif -%}
{%- endmacro %}
