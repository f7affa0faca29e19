{#
    A mart as parts on the disk (../parts.sql), with a view over them in the warehouse.

    With `entity` (the columns that tell an entity) and `entities` (the model that says which have changed) a run makes
    those that have changed and that `condition` lets in, and deletes what they were; ../changes.sql says why that equals
    a full refresh. With `in_chunks` it makes them a chunk at a time, a part each. Where the `setting` that the rows depend
    on is another, all are made anew. A mart of single events, which has no column for the `event_date` of its entities,
    says with `event_time` which moment of its rows that is the day of. Without `entity` the mart is one part, made whole
    by every run.
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
    {%- do open_transaction() -%}

    {%- if entity -%}
        {%- do refuse_what_is_behind() -%}
        {%- set entities = ref(config.require('entities')) -%}
        {%- set condition = config.get('condition', 'is_personal') -%}
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
        {%- do run_query("delete from changes.taken where model = '" ~ mart ~ "'") -%}
    {%- endif -%}

    {%- if not entity -%}
        {%- do write_part(mart, sql, columns, sorted_by) -%}
    {%- else -%}
        {%- if goes_on -%}
            {%- do delete_gone(mart, entity, row_key, columns, entities) -%}
        {%- endif -%}
        {%- set chunks = 1 -%}
        {%- if config.get('in_chunks') -%}
            {%- set events = run_query(changed_events(entities, condition)).columns[0].values()[0] -%}
            {%- set rows = events * config.get('rows_per_event', 1) -%}
            {%- set chunks = [1, (rows / var('chunk_events')) | round(0, 'ceil') | int] | max -%}
        {%- endif -%}
        {%- if not goes_on or run_query(
            "select exists (from " ~ entities ~ " where " ~ condition ~ " and changed_in > " ~ taken_up_to() ~ ")"
        ).columns[0].values()[0] -%}
            {%- for chunk in range(chunks) -%}
                {%- do write_part(mart, sql_of_chunk(sql, chunk, chunks), columns, sorted_by) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do run_query(take_up(entities.identifier)) -%}
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
    Whether a run goes on from the parts that there are: none are missing, all have today's columns, and its entities go
    on, too. A mart whose columns have changed is refused, not made anew: that is asked for by a full refresh.
#}
{% macro holds_parts(mart, shape, setting) -%}
    {%- set noted = run_query("select shape, setting from parts.marts where mart = '" ~ mart ~ "'").rows -%}
    {%- set files = run_query("select file from parts.files where mart = '" ~ mart ~ "'").columns[0].values() | list -%}
    {%- if not is_later_run() or not files or noted[0][1] != setting -%}
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

{# Notes the rows of entities that are not what they were as deleted. #}
{% macro delete_gone(mart, entity, row_key, columns, entities) -%}
    {%- set gone = 'gone_of_' ~ mart -%}
    {%- do run_query(
        "create or replace temp table " ~ gone ~ " as select distinct " ~ entity | join(', ') ~ " from "
        ~ gone_of(entities.identifier) ~ " where number > " ~ taken_up_to()
    ) -%}
    {%- if run_query("select exists (from " ~ gone ~ ")").columns[0].values()[0] -%}
        {%- set deleted = 'from ' ~ gone -%}
        {%- if row_key != entity -%}
            {%- set same = [] -%}
            {%- for key in entity -%}
                {%- set held = utc_date('held.' ~ row_key[loop.index0]) if key == 'event_date' else 'held.' ~ key -%}
                {%- do same.append('gone.' ~ key ~ ' = ' ~ held) -%}
            {%- endfor -%}
            {%- set deleted = 'select distinct held.' ~ row_key | join(', held.') ~ ' from ('
                ~ sql_of_parts(mart, row_key, columns) ~ ') as held inner join ' ~ gone ~ ' as gone on '
                ~ same | join(' and ') -%}
        {%- endif -%}
        {%- do write_part(mart, deleted, row_key, kind='deletes') -%}
    {%- endif -%}
    {%- do run_query("drop table " ~ gone) -%}
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
