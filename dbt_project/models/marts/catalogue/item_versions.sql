{%- set content = ['title', 'description', 'category', 'brand', 'price', 'currency', 'is_available', 'source'] -%}

with

companions as (

    select
        *,
        row_number() over (
            partition by item_id, valid_from
            order by created_timestamp desc, {{ content | join(' desc, ') }} desc, valid_to desc
        ) as nth
    from {{ ref('stg_event_log__items') }}

),

-- Of what was sent for one moment, the latest to arrive holds, until the next begins.
sent as (

    select
        *,
        least(valid_to, lead(valid_from) over (partition by item_id order by valid_from)) as ends_at,
        md5(concat_ws(
            '|'
            {%- for column in content %},
            coalesce(cast({{ column }} as {{ dbt.type_string() }}), 'null')
            {%- endfor %}
        )) as content_hash
    from companions
    where nth = 1

),

-- A catalogue that is sent every night says mostly what it said the night before: that begins no version.
compared as (

    select
        *,
        case
            when
                lag(content_hash) over versions = content_hash
                and lag(ends_at) over versions >= valid_from
                then 0
            else 1
        end as begins
    from sent
    window versions as (partition by item_id order by valid_from)

),

numbered as (

    select
        *,
        sum(begins) over (partition by item_id order by valid_from) as version
    from compared

)

select
    item_id,
    cast(version as bigint) as version,
    min(valid_from) as valid_from,
    case when count(ends_at) = count(*) then max(ends_at) end as valid_to,
    {%- for column in content %}
    min({{ column }}) as {{ column }},
    {%- endfor %}
    min(created_timestamp) as created_timestamp
from numbered
group by item_id, version
