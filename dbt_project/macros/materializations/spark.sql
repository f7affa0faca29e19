{#
    Spark spreads the work of a table over its tasks itself, and a mart's table is what its readers read: all of these
    are tables there, made anew by each run.
#}
{% materialization chunked, adapter='spark' %}
    {{ return(materialization_table_spark()) }}
{% endmaterialization %}

{% materialization tracked, adapter='spark' %}
    {{ return(materialization_table_spark()) }}
{% endmaterialization %}

{% materialization parts, adapter='spark' %}
    {{ return(materialization_table_spark()) }}
{% endmaterialization %}
