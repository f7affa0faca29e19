{#
    How an incremental model stays equal to a full refresh, whatever arrives in whatever order.

    A model of fingerprints (materialized as `tracked`) holds one per entity: an order-free hash of exactly the rows that
    everything about the entity is made from. Every run makes them anew, from few and narrow columns, and compares them
    with those of the run before: the entities that are new or not what they were get the number of the run as
    `changed_in`, and what was is noted in changes.gone_<model>. The models that are made from these entities (`chunked`,
    or `parts` of a mart) take up what has changed since they last did: they forget what is gone and make what has
    changed. changes.taken says up to which run each model has, in the transaction that its rows are written in. So a run
    that is killed, fails or leaves models out loses nothing: what was not taken up is taken up by the next. A model that
    is asked for without one that it is made from, and which is behind, is refused.

    What only looks back is fingerprinted per entity and day, over all days up to it: a new event then changes its own
    day and those after it, and no earlier row is touched. Such a model reads as far back as its windows reach, and what
    it needs of all days from the few and narrow rows of int_user_days or int_item_days.
#}

{# On-run-start: the number of the run, and the books. What older versions kept of entities is taken away. #}
{% macro open_changes() -%}
    {{ return(adapter.dispatch('open_changes')()) }}
{%- endmacro %}

{% macro duckdb__open_changes() -%}
    {%- if execute -%}
        {%- for schema, table in run_query(
            "select schema_name, table_name from duckdb_tables() where table_name = 'int_user_breadth'"
            ~ " or (schema_name = 'parts' and starts_with(table_name, 'made_'))"
        ).rows %}
        drop table {{ schema }}.{{ table }};
        {%- endfor %}
        create schema if not exists changes;
        create or replace table changes.run as select nextval('parts.numbers') as number;
        create table if not exists changes.taken (model varchar, entities varchar, number bigint);
    {%- endif -%}
{%- endmacro %}

{% macro this_run() -%}
    {{ return(adapter.dispatch('this_run')()) }}
{%- endmacro %}

{% macro duckdb__this_run() -%}
    (select run.number from changes.run as run)
{%- endmacro %}

{# The run up to which this model has taken up what changed; below every number where it has not begun. #}
{% macro taken_up_to() -%}
    {{ return(adapter.dispatch('taken_up_to')()) }}
{%- endmacro %}

{% macro duckdb__taken_up_to() -%}
    (select coalesce(max(taken.number), -1) from changes.taken as taken where taken.model = '{{ this.identifier }}')
{%- endmacro %}

{#
    'true' where the model goes on from what earlier runs made, and nothing where it begins: its table is not there, was
    not made to the end, stands on entities that have begun anew, or a full refresh is asked for. What is only compiled,
    for the documentation, begins.
#}
{% macro is_later_run() -%}
    {%- set goes_on = execute and flags.WHICH in ('run', 'build', 'retry') and not should_full_refresh() -%}
    {%- if goes_on and target.type == 'duckdb' and config.get('materialized') != 'parts' -%}
        {%- set held = load_relation(this) -%}
        {%- set goes_on = held is not none and held.is_table -%}
    {%- endif -%}
    {{ 'true' if goes_on and run_query('select ' ~ taken_up_to() ~ ' >= 0').columns[0].values()[0] }}
{%- endmacro %}

{# The entities that a run makes, with other columns of theirs: all of them, or those that have changed. #}
{% macro changed_entities(keys, entities, condition='is_personal', others=[]) -%}
    {%- set keys = [keys] if keys is string else keys -%}
    select
        {% for column in keys + others %}entities.{{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ entities }} as entities
    where
        {{ condition }}
        and {{ in_chunk('entities.' ~ keys[0]) }}
        {%- if is_later_run() %}
        and entities.changed_in > {{ taken_up_to() }}
        {%- endif %}
{%- endmacro %}

{# How many events the entities have that a run makes. #}
{% macro changed_events(entities, condition) -%}
    select coalesce(sum(entities.events), 0)
    from {{ entities }} as entities
    where {{ condition }} and entities.changed_in > {{ taken_up_to() }}
{%- endmacro %}

{# Where entities that are gone are noted, with the run that took them out. #}
{% macro gone_of(entities) -%}
    changes.gone_{{ entities }}
{%- endmacro %}

{# Entities that are made for the first time, or whole again: the models that stand on them begin anew, too. #}
{% macro begin_entities(keys) -%}
    create or replace table {{ gone_of(this.identifier) }} as
    select {{ keys | join(', ') }}, cast(0 as bigint) as number from {{ this }} limit 0;
    delete from changes.taken where entities = '{{ this.identifier }}'
{%- endmacro %}

{#
    Fails where a model that this one is made from, through views or not, was not made to the end or has not taken up all
    that has changed: its rows would be missing here, and the number noted all the same.
#}
{% macro refuse_what_is_behind() -%}
    {%- set names = behind_among(chunked_inputs(model.depends_on.nodes)) -%}
    {%- if names -%}
        {{ exceptions.raise_compiler_error(
            this.identifier ~ ' is made from ' ~ names | join(' and ')
            ~ ', which has not taken up what has changed; select +' ~ this.identifier
        ) }}
    {%- endif -%}
{%- endmacro %}

{# The names of those chunked models that have not taken up all that has changed. #}
{% macro behind_among(inputs) -%}
    {{ return(adapter.dispatch('behind_among')(inputs)) }}
{%- endmacro %}

{% macro duckdb__behind_among(inputs) -%}
    {%- set behind = [] -%}
    {%- for input in inputs -%}
        {%- set name, entities = input.name, input.config.entities -%}
        {%- do behind.append(
            "select '" ~ name ~ "' as model where not exists (from changes.taken where model = '" ~ name ~ "') or exists ("
            ~ "select 1 from " ~ this.incorporate(path={'schema': input.schema, 'identifier': entities}) ~ " as entities, changes.taken as taken "
            ~ "where taken.model = '" ~ name ~ "' and entities.changed_in > taken.number) or exists ("
            ~ "select 1 from " ~ gone_of(entities) ~ " as gone, changes.taken as taken "
            ~ "where taken.model = '" ~ name ~ "' and gone.number > taken.number)"
        ) -%}
    {%- endfor -%}
    {{ return(run_query(behind | join(' union all ')).columns[0].values() if behind else []) }}
{%- endmacro %}

{# The chunked models among some nodes, and among what the views among them are made from. #}
{% macro chunked_inputs(nodes) -%}
    {%- set found = [] -%}
    {%- for node in nodes if node in graph.nodes -%}
        {%- set input = graph.nodes[node] -%}
        {%- if input.config.materialized == 'chunked' -%}
            {%- do found.append(input) -%}
        {%- elif input.config.materialized == 'view' -%}
            {%- do found.extend(chunked_inputs(input.depends_on.nodes)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | unique(attribute='name') | list) }}
{%- endmacro %}

{# Notes that this model has taken up all that there is. #}
{% macro take_up(entities) -%}
    delete from changes.taken where model = '{{ this.identifier }}';
    insert into changes.taken values ('{{ this.identifier }}', '{{ entities }}', {{ this_run() }})
{%- endmacro %}

{#
    Has all that a materialization does from here to adapter.commit() be one transaction. Without it dbt opens one with the
    main statement only, and what is done before is each written by itself.
#}
{% macro open_transaction() -%}
    {%- call statement('transaction', auto_begin=True) -%}
        select 'opened'
    {%- endcall -%}
{%- endmacro %}

{# A condition that two relations have the same keys. #}
{% macro same_keys(left, right, keys) -%}
    {% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# An aggregate over hashes of rows that does not depend on the order of the rows. #}
{% macro fingerprint(row_hash='row_hash') -%}
    {{ hash_of(['count(' ~ row_hash ~ ')', 'bit_xor(' ~ row_hash ~ ')']) }}
{%- endmacro %}

{#
    The days of all events, by an expression of `events`, each with its number of events and a fingerprint. Without
    user_id: whose an event is changes nothing about its day.
#}
{% macro fingerprinted_days(day) -%}
with

events as (

    select
        {{ day }} as event_date,
        {{ hash_of(['events.settled_hash', 'users.is_bot', 'users.is_usable']) }} as row_hash
    from {{ ref('int_session_events') }} as events
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id

)

select
    event_date,
    count(*) as events,
    {{ fingerprint() }} as fingerprint
from events
group by event_date
{%- endmacro %}
