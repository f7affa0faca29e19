with

events as (

    select
        events.*,
        users.is_usable and events.consent != 'none' as is_usable
    from {{ ref('int_session_events') }} as events
    inner join {{ ref('int_users') }} as users on events.user_id = users.user_id
    where events.item_id is not null

),

activity as (

    select
        item_id,
        min(event_timestamp) as first_seen_at,
        max(event_timestamp) as last_seen_at,
        {{ last_known('category') }} as category,
        {{ last_known('brand') }} as brand,
        {{ last_known('price') }} as price,
        {{ last_known('currency') }} as currency,
        bool_or(is_usable) as is_usable,
        {{ fingerprint('is_usable') }} as fingerprint
    from events
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
    catalogue.valid_to,
    activity.first_seen_at,
    activity.last_seen_at,
    coalesce(activity.is_usable, false) as is_usable,
    activity.fingerprint
from {{ ref('int_catalogue') }} as catalogue
full outer join activity on catalogue.item_id = activity.item_id
