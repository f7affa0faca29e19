{{ config(pre_hook="{{ refuse_unlisted_columns('items', 'items.parquet') }}") }}

with

items as (

    select * from {{ source('event_log', 'items') }}

),

cleaned as (

    select
        item_id,
        nullif(trim(title), '') as title,
        nullif(trim(description), '') as description,
        nullif(category, '') as category,
        nullif(brand, '') as brand,
        price,
        currency,
        coalesce(
            replace(lower(trim(availability)), ' ', '_')
            not in ('out_of_stock', 'sold_out', 'discontinued', 'unavailable', 'false', '0'),
            true
        ) as is_available,
        coalesce(valid_from, created_timestamp) as valid_from,
        valid_to,
        attributes,
        source,
        created_timestamp
    from items

)

select * from cleaned
