{#
    How an incremental model stays equal to a full refresh, whatever arrives in whatever order.

    A model of fingerprints (int_user_histories, int_session_fingerprints, int_days, int_item_histories) holds one
    per entity: an order-free hash of exactly the rows that everything about the entity is made from. It is made anew by
    every run, from few and narrow columns. Every incremental row carries the fingerprint it was made from; of a mart, its
    books do (parts.sql). A run first
    forgets the rows whose fingerprint is not the same any more (new or late events, another identity, another category,
    consent withdrawn), then makes the entities that it does not hold. Nothing depends on what an earlier run did or
    where it was killed.

    What only looks back is fingerprinted per entity and day, over all days up to it: a new event then changes its own
    day and those after it, and no earlier row is touched. Such a model reads as far back as its windows reach, and what
    it needs of all days from the few and narrow rows of int_user_days or int_item_days.
#}

{# An aggregate over hashes of rows that does not depend on the order of the rows. #}
{% macro fingerprint(row_hash='row_hash') -%}
    {{ hash_of(['count(' ~ row_hash ~ ')', 'bit_xor(' ~ row_hash ~ ')']) }}
{%- endmacro %}

{#
    'true' where the table holds rows of earlier runs and nothing where not, whichever way it is materialized;
    is_incremental() knows one way.
#}
{% macro is_later_run() -%}
    {%- set held = load_relation(this) if execute else none -%}
    {{ 'true' if held is not none and held.is_table and not should_full_refresh() }}
{%- endmacro %}

{# Pre-hook: forgets what is out of date, and the entities with events on the asked days. #}
{% macro forget_changed(keys, entities, events, condition='is_personal') -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- if is_later_run() -%}
        delete from {{ this }}
        where
            not exists (
                select 1
                from {{ entities }} as entities
                where
                    {% for key in keys %}entities.{{ key }} = {{ this.identifier }}.{{ key }} and {% endfor -%}
                    entities.fingerprint = {{ this.identifier }}.fingerprint
                    and {{ condition }}
            )
        {%- if var('start_date') and var('end_date') %}
            or exists (
                select 1
                from {{ events }} as asked
                where
                    {% for key in keys %}asked.{{ key }} = {{ this.identifier }}.{{ key }} and {% endfor -%}
                    {{ is_asked_day() }}
            )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The entities that a run makes, with other columns of theirs: all of them, or those that the table does not hold. #}
{% macro changed_entities(keys, entities, condition='is_personal', others=[]) -%}
    {%- set keys = [keys] if keys is string else keys -%}
    select
        {% for column in keys + others %}entities.{{ column }},
        {% endfor -%}
        entities.fingerprint
    from {{ entities }} as entities
    where {{ is_to_make(keys, condition) }} and {{ in_chunk('entities.' ~ keys[0]) }}
{%- endmacro %}

{# How many events they have. #}
{% macro changed_events(key, entities, condition='is_personal') -%}
    select coalesce(sum(entities.events), 0)
    from {{ entities }} as entities
    where {{ is_to_make([key] if key is string else key, condition) }}
{%- endmacro %}

{% macro is_to_make(keys, condition) -%}
    {{ condition }}
    {#- sqlfluff's config has no `get`. -#}
    {%- set has_parts = config.get is defined and target.type == 'duckdb' -%}
    {%- set is_mart = has_parts and config.get('materialized') == 'parts' -%}
    {%- if is_mart or is_later_run() %}
        and not exists (
            select 1
            from {{ made_entities() if is_mart else this }} as made
            where {% for key in keys %}made.{{ key }} = entities.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
        )
    {%- endif -%}
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
