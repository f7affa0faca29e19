{#
    Writes a mart to warehouse/exports/<mart>.parquet after its commit, for every reader outside the warehouse.
    DuckDB writes to a temporary name and renames it, so a reader sees the old file or the new one, whole.
    Rows are sorted by config.meta.sorted_by (a mart without it is not exported), which makes the file smaller. It is
    empty for marts whose rows are wide and many (a row per event, or arrays): sorting them would go through the disk.
    The technical column `fingerprint` stays inside.
#}
{% macro export_mart() -%}
    {%- if execute and 'sorted_by' in model.config.meta -%}
        copy (
            select {{ model.columns | reject('equalto', 'fingerprint') | join(', ') }}
            from {{ this }}
            {{ 'order by ' ~ model.config.meta['sorted_by'] | join(', ') if model.config.meta['sorted_by'] }}
        )
        to '{{ env_var("SHOPSIGHT_HOME") }}/warehouse/exports/{{ this.identifier }}.parquet'
        (format parquet, compression zstd, use_tmp_file true)
    {%- endif -%}
{%- endmacro %}
