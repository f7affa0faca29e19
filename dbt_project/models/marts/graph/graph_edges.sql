{%- set evidence_rows = 3 -%}
{%- set text = dbt.type_string() -%}

with

items as (

    select * from {{ ref('int_items') }}
    where is_listed

),

versions as (

    select
        item_id,
        max(version) as version
    from {{ ref('item_versions') }}
    group by item_id

),

-- The row that says what an item is: its newest version, or, where no catalogue has it, the item itself.
described as (

    select
        items.*,
        case
            when versions.item_id is null then concat('items:', items.item_id)
            else concat('item_versions:', items.item_id, ':', cast(versions.version as {{ text }}))
        end as said_by
    from items
    left join versions on items.item_id = versions.item_id

),

attributes as (

    select * from {{ item_attributes(ref('int_catalogue')) }}

),

described_attributes as (

    select distinct
        described.item_id,
        described.said_by,
        attributes.name,
        trim(attributes.value) as value
    from attributes
    inner join described on attributes.item_id = described.item_id
    where trim(attributes.value) != ''

),

facts as (

    select
        'in_category' as relation,
        item_id,
        concat('category:', category) as target_id,
        said_by
    from described
    where category is not null
    union all
    select
        'of_brand' as relation,
        item_id,
        concat('brand:', brand) as target_id,
        said_by
    from described
    where brand is not null
    union all
    select
        'has_attribute' as relation,
        item_id,
        concat('attribute:', name, '=', value) as target_id,
        said_by
    from described_attributes
    where name != 'compatible_with'
    union all
    -- A shop names an item there, or a category.
    select
        'compatible_with' as relation,
        compatible.item_id,
        case
            when named.item_id is null then concat('category:', compatible.value)
            else concat('item:', named.item_id)
        end as target_id,
        compatible.said_by
    from described_attributes as compatible
    left join items as named on compatible.value = named.item_id
    where compatible.name = 'compatible_with'

),

aspects as (

    {% for aspect, pattern in aspect_patterns().items() -%}
    select
        item_id,
        '{{ aspect }}' as aspect,
        review_id,
        stars
    from {{ ref('reviews') }}
    where item_id is not null and {{ says('text', pattern) }}
    {% if not loop.last %}union all
    {% endif -%}
    {%- endfor %}

)

select
    concat('item:', item_id) as source_id,
    relation,
    target_id,
    cast(1 as bigint) as support,
    cast(null as double) as score,
    {{ ordered_list('said_by', 'said_by') }} as evidence
from facts
group by item_id, relation, target_id
union all
select
    concat('item:', item_id) as source_id,
    relation,
    concat('item:', other_item_id) as target_id,
    cast(support as bigint) as support,
    cast(null as double) as score,
    evidence
from {{ ref('int_item_pairs') }}
union all
select
    concat('item:', aspects.item_id) as source_id,
    'speaks_of' as relation,
    concat('aspect:', aspects.aspect) as target_id,
    count(*) as support,
    avg(aspects.stars) as score,
    {{ smallest_by('aspects.review_id', ['aspects.review_id'], evidence_rows, 'aspects.review_id is not null') }}
        as evidence
from aspects
inner join items on aspects.item_id = items.item_id
group by aspects.item_id, aspects.aspect
