{#
    A table of entities that is made anew by every run and compared with what it was (../changes.sql). `key` names an
    entity, `fingerprint` says whether it is what it was. `asked` is the model, if another one, whose rows tell which
    entities lie on the days that a run was asked to make again; of entities that have a day, those after it are, too.
#}
{% materialization tracked, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set keys = config.require('key') -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- set fresh = 'fresh_' ~ this.identifier -%}
    {%- set whose = keys | reject('in', ['event_date', 'feature_timestamp']) | list or keys -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do open_transaction() -%}

    {%- do run_query('create or replace temp table ' ~ fresh ~ ' as ' ~ sql) -%}
    {%- set shape = "select string_agg(column_name || data_type, ',' order by column_index) from duckdb_columns() where column_name != 'changed_in' and " -%}
    {%- set is_same = existing is not none and existing.is_table and not should_full_refresh() and run_query(
        "select (" ~ shape ~ "database_name = 'temp' and table_name = '" ~ fresh ~ "') is not distinct from ("
        ~ shape ~ "schema_name = '" ~ this.schema ~ "' and table_name = '" ~ this.identifier ~ "') and exists ("
        ~ "from duckdb_columns() where table_name = '" ~ this.identifier ~ "' and column_name = 'changed_in')"
    ).columns[0].values()[0] -%}
    {%- if is_same -%}
        {%- set asked = target.incorporate(path={'identifier': config.get('asked', this.identifier)}) -%}
        {%- set gone -%}
            create or replace temp table gone_{{ this.identifier }} as
            select {{ keys | join(', ') }}
            from {{ target }} as held
            where
                not exists (
                    select 1
                    from {{ fresh }} as fresh
                    where {{ same_keys('fresh', 'held', keys) }} and fresh.fingerprint = held.fingerprint
                )
            {%- if var('start_date') and var('end_date') %}
                or exists (
                    select 1
                    from {{ asked }} as asked
                    where {{ same_keys('asked', 'held', whose) }} and {{ is_asked_day('asked') }}
                    {%- if whose != keys %} and held.event_date >= asked.event_date{% endif %}
                )
            {%- endif -%}
        {%- endset -%}
        {%- do run_query(gone) -%}
        {%- do run_query(
            'insert into ' ~ gone_of(this.identifier) ~ ' select *, ' ~ this_run() ~ ' from gone_' ~ this.identifier
        ) -%}
        {%- do run_query(
            'delete from ' ~ target ~ ' as held using gone_' ~ this.identifier ~ ' as gone where '
            ~ same_keys('gone', 'held', keys)
        ) -%}
        {%- call statement('main') -%}
            insert into {{ target }}
            select fresh.*, {{ this_run() }}
            from {{ fresh }} as fresh
            where not exists (select 1 from {{ target }} as held where {{ same_keys('fresh', 'held', keys) }})
        {%- endcall -%}
        {%- do run_query('drop table gone_' ~ this.identifier) -%}
        {%- do run_query(
            'delete from ' ~ gone_of(this.identifier)
            ~ " where number <= (select min(number) from changes.taken where entities = '" ~ this.identifier ~ "')"
        ) -%}
    {%- else -%}
        {%- if existing is not none -%}
            {%- do adapter.drop_relation(existing) -%}
        {%- endif -%}
        {%- call statement('main') -%}
            create table {{ target }} as select *, {{ this_run() }} as changed_in from {{ fresh }}
        {%- endcall -%}
        {%- do run_query(begin_entities(keys)) -%}
    {%- endif -%}
    {%- do run_query('drop table ' ~ fresh) -%}
    {%- do adapter.commit() -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}
