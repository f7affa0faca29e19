{{ config(materialized='view') }}
{%- set evidence_rows = 3 -%}

with

items as (

    select * from {{ ref('int_items') }}
    where is_listed

),

behaviour as (

    select * from {{ ref('int_behaviour') }}
    where event_name in ('view_item', 'purchase')

),

bought as (

    select distinct
        lines.order_key,
        behaviour.session_id,
        lines.item_id
    from behaviour
    inner join {{ ref('int_order_lines') }} as lines on behaviour.event_hash = lines.event_hash
    where behaviour.event_name = 'purchase' and lines.item_id is not null

),

sized as (

    select
        order_key,
        item_id,
        count(*) over (partition by order_key) as basket_size
    from bought
    group by order_key, item_id

),

together as (

    select
        one.item_id,
        other.item_id as other_item_id,
        one.order_key
    from sized as one
    inner join sized as other on one.order_key = other.order_key and one.item_id != other.item_id
    where one.basket_size <= {{ var('largest_basket') }}

),

viewed as (

    select distinct
        session_id,
        item_id
    from behaviour
    where event_name = 'view_item'

),

-- Who looked at one item and took another of the same shelf in the same visit says what stands in for it.
instead as (

    select distinct
        viewed.item_id,
        bought.item_id as other_item_id,
        bought.order_key
    from bought
    inner join viewed on bought.session_id = viewed.session_id and bought.item_id != viewed.item_id
    inner join items as looked_at on viewed.item_id = looked_at.item_id
    inner join items as taken on bought.item_id = taken.item_id and looked_at.category = taken.category

),

pairs as (

    select
        'bought_with' as relation,
        *
    from together
    union all
    select
        'alternative_to' as relation,
        *
    from instead

),

counted as (

    select
        relation,
        item_id,
        other_item_id,
        count(distinct order_key) as support,
        {{ smallest_by('order_key', ['order_key'], evidence_rows, 'order_key is not null') }} as evidence
    from pairs
    group by relation, item_id, other_item_id
    having count(distinct order_key) >= {{ var('fewest_baskets_together') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by relation, item_id
            order by support desc, other_item_id asc
        ) as nth
    from counted

)

select
    relation,
    item_id,
    other_item_id,
    support,
    evidence
from ranked
where nth <= {{ var('most_item_pairs') }}
