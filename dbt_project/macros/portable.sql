{#
    What the engines say differently and dbt's own cross-database macros do not cover: one macro per need, one
    implementation per adapter. Models call these and never an engine's own function.

    tests/integration/test_dbt_spark.py and `make campaign-spark` build every model on a local Spark and compare each mart
    with DuckDB's, value by value. What Spark has in place of the parts that are DuckDB's own is in spark.sql.
#}

{# A value of a column's JSON object as text; null where there is none, or the text is no JSON. #}
{% macro json_text(column, key) -%}
    {{ return(adapter.dispatch('json_text')(column, key)) }}
{%- endmacro %}

{% macro duckdb__json_text(column, key) -%}
    case when json_valid({{ column }}) then json_extract_string({{ column }}, '$.{{ key }}') end
{%- endmacro %}

{% macro spark__json_text(column, key) -%}
    get_json_object({{ column }}, '$.{{ key }}')
{%- endmacro %}

{# A text as a value of a type; null where it is none. Both engines say it alike; dbt's safe_cast fails on DuckDB. #}
{% macro value_of_text(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}

{# The value in the row where the keys are smallest (largest). Rows whose value is null do not count. #}
{% macro min_by(value, keys) -%}
    {{ return(adapter.dispatch('min_by')(value, keys)) }}
{%- endmacro %}

{# Ordered, for DuckDB compares rows of several columns at half the speed. #}
{% macro duckdb__min_by(value, keys) -%}
    first({{ value }} order by {{ keys | join(', ') }}) filter (where {{ value }} is not null)
{%- endmacro %}

{% macro spark__min_by(value, keys) -%}
    min_by({{ value }}, case when {{ value }} is not null then struct({{ keys | join(', ') }}) end)
{%- endmacro %}

{% macro max_by(value, keys) -%}
    {{ return(adapter.dispatch('max_by')(value, keys)) }}
{%- endmacro %}

{% macro duckdb__max_by(value, keys) -%}
    last({{ value }} order by {{ keys | join(', ') }}) filter (where {{ value }} is not null)
{%- endmacro %}

{% macro spark__max_by(value, keys) -%}
    max_by({{ value }}, case when {{ value }} is not null then struct({{ keys | join(', ') }}) end)
{%- endmacro %}

{# The different values of a column in alphabetical order, joined by commas. #}
{% macro distinct_values(column) -%}
    {{ return(adapter.dispatch('distinct_values')(column)) }}
{%- endmacro %}

{% macro duckdb__distinct_values(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{% macro spark__distinct_values(column) -%}
    nullif(array_join(array_sort(collect_set({{ column }})), ','), '')
{%- endmacro %}

{# A quantile, between two values where it falls between them. #}
{% macro quantile(column, share) -%}
    {{ return(adapter.dispatch('quantile')(column, share)) }}
{%- endmacro %}

{% macro duckdb__quantile(column, share) -%}
    quantile_cont({{ column }}, {{ share }})
{%- endmacro %}

{% macro spark__quantile(column, share) -%}
    percentile({{ column }}, {{ share }})
{%- endmacro %}

{# The quartiles, as an array: for one of them after the other every value would be sorted three times. #}
{% macro quartiles(column) -%}
    {{ return(adapter.dispatch('quartiles')(column)) }}
{%- endmacro %}

{% macro duckdb__quartiles(column) -%}
    quantile_cont({{ column }}, [0.25, 0.5, 0.75])
{%- endmacro %}

{% macro spark__quartiles(column) -%}
    percentile({{ column }}, array(0.25, 0.5, 0.75))
{%- endmacro %}

{# An element of an array, counted from 1. #}
{% macro list_element(values, place) -%}
    {{ return(adapter.dispatch('list_element')(values, place)) }}
{%- endmacro %}

{% macro duckdb__list_element(values, place) -%}
    list_extract({{ values }}, {{ place }})
{%- endmacro %}

{% macro spark__list_element(values, place) -%}
    element_at({{ values }}, {{ place }})
{%- endmacro %}

{# Every column but some; the star of one relation where it is named. #}
{% macro all_but(columns, relation='') -%}
    {{ return(adapter.dispatch('all_but')(columns, relation ~ '.' if relation else '')) }}
{%- endmacro %}

{% macro duckdb__all_but(columns, prefix) -%}
    {{ prefix }}* exclude ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__all_but(columns, prefix) -%}
    {{ prefix }}* except ({{ columns | join(', ') }})
{%- endmacro %}

{#
    A whole number that stands for the values: equal for equal ones, and for others almost never. DuckDB joins the hashes
    of several values by exclusive or, so that the same change in two rows would cancel out where fingerprints join rows
    the same way: the second hash is against that.
#}
{% macro hash_of(values) -%}
    {{ return(adapter.dispatch('hash_of')(values)) }}
{%- endmacro %}

{% macro duckdb__hash_of(values) -%}
    hash(hash({{ values | join(', ') }}))
{%- endmacro %}

{% macro spark__hash_of(values) -%}
    xxhash64({{ values | join(', ') }})
{%- endmacro %}

{# One of so many buckets, from 0, always the same for the same value. #}
{% macro bucket_of(value, buckets) -%}
    {{ return(adapter.dispatch('bucket_of')(value, buckets)) }}
{%- endmacro %}

{% macro duckdb__bucket_of(value, buckets) -%}
    {{ hash_of([value]) }} % {{ buckets }}
{%- endmacro %}

{% macro spark__bucket_of(value, buckets) -%}
    pmod({{ hash_of([value]) }}, {{ buckets }})
{%- endmacro %}

{# Days, hours and weekdays of features are those of UTC. On Spark the session's zone must be UTC, as it is here in DuckDB. #}
{% macro utc_date(moment) -%}
    {{ return(adapter.dispatch('utc_date')(moment)) }}
{%- endmacro %}

{% macro duckdb__utc_date(moment) -%}
    cast({{ moment }} at time zone 'UTC' as date)
{%- endmacro %}

{% macro spark__utc_date(moment) -%}
    cast({{ moment }} as date)
{%- endmacro %}

{# The midnight at which everything about a day is known. #}
{% macro day_end(date_column) -%}
    {{ return(adapter.dispatch('day_end')(date_column)) }}
{%- endmacro %}

{% macro duckdb__day_end(date_column) -%}
    cast({{ date_column }} + interval 1 day as timestamp) at time zone 'UTC'
{%- endmacro %}

{% macro spark__day_end(date_column) -%}
    cast(date_add({{ date_column }}, 1) as timestamp)
{%- endmacro %}

{# The day that analysts count a moment to: the shop's own, of 23 hours or 25 where the clocks change. #}
{% macro shop_date(moment) -%}
    {{ return(adapter.dispatch('shop_date')(moment)) }}
{%- endmacro %}

{% macro duckdb__shop_date(moment) -%}
    cast({{ moment }} at time zone '{{ shop_zone() }}' as date)
{%- endmacro %}

{% macro spark__shop_date(moment) -%}
    cast(from_utc_timestamp({{ moment }}, '{{ shop_zone() }}') as date)
{%- endmacro %}

{# The midnight that ends a day of the shop. #}
{% macro shop_day_end(date_column) -%}
    {{ return(adapter.dispatch('shop_day_end')(date_column)) }}
{%- endmacro %}

{% macro duckdb__shop_day_end(date_column) -%}
    cast({{ date_column }} + interval 1 day as timestamp) at time zone '{{ shop_zone() }}'
{%- endmacro %}

{% macro spark__shop_day_end(date_column) -%}
    to_utc_timestamp(cast(date_add({{ date_column }}, 1) as timestamp), '{{ shop_zone() }}')
{%- endmacro %}

{# Every day from the first to the last, one a row. #}
{% macro days_through(first_day, last_day) -%}
    {{ return(adapter.dispatch('days_through')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__days_through(first_day, last_day) -%}
    cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__days_through(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}

{% macro utc_hour(moment) -%}
    {{ return(adapter.dispatch('utc_hour')(moment)) }}
{%- endmacro %}

{% macro duckdb__utc_hour(moment) -%}
    hour({{ moment }} at time zone 'UTC')
{%- endmacro %}

{% macro spark__utc_hour(moment) -%}
    hour({{ moment }})
{%- endmacro %}

{# Monday 1 to Sunday 7. #}
{% macro utc_weekday(moment) -%}
    {{ return(adapter.dispatch('utc_weekday')(moment)) }}
{%- endmacro %}

{% macro duckdb__utc_weekday(moment) -%}
    isodow({{ moment }} at time zone 'UTC')
{%- endmacro %}

{% macro spark__utc_weekday(moment) -%}
    weekday({{ moment }}) + 1
{%- endmacro %}

{# Microseconds since 1970. #}
{% macro microseconds(moment) -%}
    {{ return(adapter.dispatch('microseconds')(moment)) }}
{%- endmacro %}

{% macro duckdb__microseconds(moment) -%}
    epoch_us({{ moment }})
{%- endmacro %}

{% macro spark__microseconds(moment) -%}
    unix_micros({{ moment }})
{%- endmacro %}

{# The first (last) value of a column that an event tells. #}
{% macro first_known(column) -%}
    {{ min_by(column, event_order().split(', ')) }}
{%- endmacro %}

{% macro last_known(column) -%}
    {{ max_by(column, event_order().split(', ')) }}
{%- endmacro %}

{# The last known value of a window, in its order. #}
{% macro last_known_over(value, window) -%}
    {{ return(adapter.dispatch('last_known_over')(value, window)) }}
{%- endmacro %}

{% macro duckdb__last_known_over(value, window) -%}
    last_value({{ value }} ignore nulls) over {{ window }}
{%- endmacro %}

{% macro spark__last_known_over(value, window) -%}
    last_value({{ value }}) ignore nulls over {{ window }}
{%- endmacro %}

{# How many different known values a window has. #}
{% macro distinct_count_over(value, window) -%}
    {{ return(adapter.dispatch('distinct_count_over')(value, window)) }}
{%- endmacro %}

{% macro duckdb__distinct_count_over(value, window) -%}
    count(distinct {{ value }}) over {{ window }}
{%- endmacro %}

{% macro spark__distinct_count_over(value, window) -%}
    cast(size(collect_set({{ value }}) over {{ window }}) as bigint)
{%- endmacro %}

{#
    A double to four places, halves away from zero. DuckDB multiplies, rounds and divides; Spark's round(x, 4) takes the
    decimal digits that x is written with, and so differs where the product falls on a half.
#}
{% macro four_places(amount) -%}
    {{ return(adapter.dispatch('four_places')(amount)) }}
{%- endmacro %}

{% macro duckdb__four_places(amount) -%}
    round({{ amount }}, 4)
{%- endmacro %}

{% macro spark__four_places(amount) -%}
    round(cast({{ amount }} as double) * 10000) / 10000
{%- endmacro %}

{# An amount that was sent as a double, by the same rule. #}
{% macro amount_of(value) -%}
    {{ return(adapter.dispatch('amount_of')(value)) }}
{%- endmacro %}

{% macro duckdb__amount_of(value) -%}
    cast({{ value }} as decimal(18, 4))
{%- endmacro %}

{% macro spark__amount_of(value) -%}
    cast({{ four_places(value) }} as decimal(18, 4))
{%- endmacro %}

{# An amount of four places, in a double, as text: '12.5', and never '1.0E7', which is how Spark writes a double. #}
{% macro amount_text(amount) -%}
    {{ return(adapter.dispatch('amount_text')(amount)) }}
{%- endmacro %}

{% macro duckdb__amount_text(amount) -%}
    cast({{ amount }} as varchar)
{%- endmacro %}

{% macro spark__amount_text(amount) -%}
    regexp_replace(cast(cast({{ amount }} as decimal(38, 4)) as string), '([.][0-9]+?)0+$', '$1')
{%- endmacro %}

{# The values of a group as an array, in order; of the rows that a condition holds for, where one is given. #}
{% macro ordered_list(value, position, condition=none) -%}
    {{ return(adapter.dispatch('ordered_list')(value, position, condition)) }}
{%- endmacro %}

{% macro duckdb__ordered_list(value, position, condition) -%}
    list({{ value }} order by {{ position }}){{ ' filter (where ' ~ condition ~ ')' if condition }}
{%- endmacro %}

{% macro spark__ordered_list(value, position, condition) -%}
    {%- set pair = 'struct(' ~ position ~ ' as position, ' ~ value ~ ' as value)' -%}
    transform(
        array_sort(collect_list({{ 'case when ' ~ condition ~ ' then ' ~ pair ~ ' end' if condition else pair }})),
        pair -> pair.value
    )
{%- endmacro %}

{# The known values of a window as an array, in its order; null where there is none. #}
{% macro window_list(value, window) -%}
    {{ return(adapter.dispatch('window_list')(value, window)) }}
{%- endmacro %}

{% macro duckdb__window_list(value, window) -%}
    list({{ value }}) filter (where {{ value }} is not null) over {{ window }}
{%- endmacro %}

{% macro spark__window_list(value, window) -%}
    nullif(collect_list({{ value }}) over {{ window }}, array())
{%- endmacro %}

{# The different known values of a group as an array in alphabetical order; null where there is none. #}
{% macro distinct_list(value) -%}
    {{ return(adapter.dispatch('distinct_list')(value)) }}
{%- endmacro %}

{% macro duckdb__distinct_list(value) -%}
    list(distinct {{ value }} order by {{ value }}) filter (where {{ value }} is not null)
{%- endmacro %}

{% macro spark__distinct_list(value) -%}
    nullif(array_sort(collect_set({{ value }})), array())
{%- endmacro %}

{# The values of the rows that a condition holds for and whose keys are smallest, as an array; null where there is none. #}
{% macro smallest_by(value, keys, number, condition) -%}
    {{ return(adapter.dispatch('smallest_by')(value, keys, number, condition)) }}
{%- endmacro %}

{% macro duckdb__smallest_by(value, keys, number, condition) -%}
    arg_min({{ value }}, row({{ keys | join(', ') }}), {{ number }}) filter (where {{ condition }})
{%- endmacro %}

{% macro spark__smallest_by(value, keys, number, condition) -%}
    nullif(
        transform(
            slice(
                array_sort(
                    collect_list(
                        case
                            when {{ condition }} and {{ value }} is not null
                                then struct(struct({{ keys | join(', ') }}) as position, {{ value }} as value)
                        end
                    )
                ),
                1,
                {{ number }}
            ),
            pair -> pair.value
        ),
        array()
    )
{%- endmacro %}

{# Elements from the first to the last place, counted from 1. #}
{% macro list_part(values, first_place, last_place) -%}
    {{ return(adapter.dispatch('list_part')(values, first_place, last_place)) }}
{%- endmacro %}

{% macro duckdb__list_part(values, first_place, last_place) -%}
    list_slice({{ values }}, {{ first_place }}, {{ last_place }})
{%- endmacro %}

{% macro spark__list_part(values, first_place, last_place) -%}
    slice({{ values }}, {{ first_place }}, {{ last_place }} - {{ first_place }} + 1)
{%- endmacro %}

{% macro largest_of(values) -%}
    {{ return(adapter.dispatch('largest_of')(values)) }}
{%- endmacro %}

{% macro duckdb__largest_of(values) -%}
    list_max({{ values }})
{%- endmacro %}

{% macro spark__largest_of(values) -%}
    array_max({{ values }})
{%- endmacro %}

{#
    A relation of (item_id, name, value): what the JSON objects of a relation's column `attributes` say, a row for each element
    where a value is an array.
#}
{% macro item_attributes(relation) -%}
    {{ return(adapter.dispatch('item_attributes')(relation)) }}
{%- endmacro %}

{% macro duckdb__item_attributes(relation) -%}
    (
        select
            items.item_id,
            entries.key as name,
            unnest(
                case
                    when entries.type = 'ARRAY' then json_extract_string(entries.value, '$[*]')
                    else [json_extract_string(entries.value, '$')]
                end
            ) as value
        from {{ relation }} as items, lateral (
            select * from json_each(case when json_valid(items.attributes) then items.attributes end)
        ) as entries
    )
{%- endmacro %}

{% macro spark__item_attributes(relation) -%}
    (
        select
            entries.item_id,
            entries.name,
            explode(
                case
                    when entries.value like '[%]' then from_json(entries.value, 'array<string>')
                    else array(entries.value)
                end
            ) as value
        from (
            select items.item_id, explode(from_json(items.attributes, 'map<string,string>')) as (name, value)
            from {{ relation }} as items
        ) as entries
    )
{%- endmacro %}

{# Whether a text has what a regular expression looks for, in small letters or capitals. #}
{% macro says(text, pattern) -%}
    {{ return(adapter.dispatch('says')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__says(text, pattern) -%}
    regexp_matches({{ text }}, '(?i){{ pattern | replace("'", "''") }}')
{%- endmacro %}

{% macro spark__says(text, pattern) -%}
    {{ text }} rlike r"(?i){{ pattern }}"
{%- endmacro %}
