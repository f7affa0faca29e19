{#
    A table that is filled a part at a time, so that what a model needs at once does not grow with the log.

    The windows and joins of a large model hold all rows that they work on. Entities (shoppers, sessions, days) do not
    depend on one another, and so can be made in chunks of about var('chunk_events') events: a chunk fits into memory,
    where the whole would be written to disk and read again many times, at a cost that grows faster than the log.

    A model says with `in_chunk` which column tells its rows' chunk. One whose joins make several rows of an event
    (`config.rows_per_event`) takes as many times fewer at a time, and one that holds few of the rows that it reads takes
    more. Each chunk is committed; the last one together with the note that all is made (see changes.sql), so that what a
    run leaves that is killed between two chunks is made again.
#}

{# A condition on the rows of a chunked model; the materialization narrows it to one chunk after the other. #}
{% macro in_chunk(column) -%}
    true /* in chunk of {{ column }} */
{%- endmacro %}

{# The model's SQL for one of its chunks, counted from 0. #}
{% macro sql_of_chunk(sql, chunk, chunks) -%}
    {%- if chunks == 1 -%}
        {{ return(sql) }}
    {%- endif -%}
    {%- set condition = bucket_of('\\1', chunks) ~ ' = ' ~ chunk -%}
    {{ return(modules.re.sub('true /[*] in chunk of (.+?) [*]/', condition, sql)) }}
{%- endmacro %}
