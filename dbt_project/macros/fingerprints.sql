{#
    How an incremental model stays equal to a full refresh, whatever arrives in whatever order.

    int_users, int_sessions and int_items hold one fingerprint per entity: an order-free hash of exactly the rows
    that everything about the entity is made from. Every incremental row carries the fingerprint it was made from.
    A run first forgets the entities whose fingerprint is not the same any more (new or late events, another
    identity, another category, consent withdrawn), then makes the entities that it does not hold. Nothing depends
    on what an earlier run did or where it was killed.
#}

{# An aggregate over int_events_stitched.row_hash that does not depend on the order of the rows. #}
{% macro fingerprint(condition='true') -%}
    {{ hash_of([
        'count(*) filter (where ' ~ condition ~ ')',
        'bit_xor(row_hash) filter (where ' ~ condition ~ ')'
    ]) }}
{%- endmacro %}

{# Pre-hook: forgets what is out of date, and the entities with events on the asked days. #}
{% macro forget_changed(key, entities, events, condition='is_usable') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where ({{ key }}, fingerprint) not in (
            select ({{ key }}, fingerprint)
            from {{ entities }}
            where {{ condition }}
        )
        {%- if var('start_date') and var('end_date') %}
        or {{ key }} in (
            select {{ key }}
            from {{ events }}
            where {{ is_asked_day() }} and {{ key }} is not null
        )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The entities that a run makes: all of them, or those that the table does not hold. #}
{% macro changed_entities(key, entities, condition='is_usable') -%}
    select
        {{ key }},
        fingerprint
    from {{ entities }}
    where {{ condition }}
    {%- if is_incremental() %}
        and {{ key }} not in (select made.{{ key }} from {{ this }} as made)
    {%- endif -%}
{%- endmacro %}
