with

catalogue as (

    select * from {{ ref('int_catalogue') }}

),

-- Where the catalogue is silent, the latest day on which an event said so counts.
activity as (

    select
        item_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        {{ max_by('sent_category', ['event_date']) }} as category,
        {{ max_by('sent_brand', ['event_date']) }} as brand,
        {{ max_by('sent_price', ['event_date']) }} as price,
        {{ max_by('sent_currency', ['event_date']) }} as currency
    from {{ ref('int_item_demand') }}
    group by item_id

)

select
    coalesce(catalogue.item_id, activity.item_id) as item_id,
    catalogue.title,
    catalogue.description,
    coalesce(catalogue.category, activity.category) as category,
    coalesce(catalogue.brand, activity.brand) as brand,
    coalesce(catalogue.price, activity.price) as price,
    coalesce(catalogue.currency, activity.currency) as currency,
    coalesce(catalogue.is_available, true) as is_available,
    catalogue.valid_from as described_at,
    catalogue.valid_to,
    -- What was deleted has a last version that ends when it begins.
    coalesce(catalogue.valid_to > catalogue.valid_from, true) as is_listed,
    activity.first_seen_at,
    activity.last_seen_at
from catalogue
full outer join activity on catalogue.item_id = activity.item_id
