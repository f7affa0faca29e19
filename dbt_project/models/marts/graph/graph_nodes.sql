with

edges as (

    select * from {{ ref('graph_edges') }}

),

items as (

    select
        concat('item:', item_id) as node_id,
        coalesce(title, item_id) as name
    from {{ ref('int_items') }}
    where is_listed

),

targets as (

    select
        target_id as node_id,
        count(distinct source_id) as items
    from edges
    group by target_id

),

nodes as (

    select
        coalesce(items.node_id, targets.node_id) as node_id,
        items.name as title,
        coalesce(targets.items, 0) as items
    from items
    full outer join targets on items.node_id = targets.node_id

),

parts as (

    select
        *,
        {{ dbt.split_part('node_id', "':'", 1) }} as kind,
        substring(node_id, length({{ dbt.split_part('node_id', "':'", 1) }}) + 2) as rest
    from nodes

)

select
    node_id,
    kind,
    case when kind = 'attribute' then {{ dbt.split_part('rest', "'='", 1) }} end as attribute,
    case
        when kind = 'attribute' then substring(rest, length({{ dbt.split_part('rest', "'='", 1) }}) + 2)
        else coalesce(title, rest)
    end as name,
    items
from parts
