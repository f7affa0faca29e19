with

reviews as (

    select * from {{ ref('int_events_stitched') }}
    where event_name = 'rate_item' and text is not null

)

select
    concat_ws(
        ':',
        reviews.source,
        reviews.event_id,
        reviews.line_number,
        case when reviews.event_name != 'search' then reviews.event_name end,
        reviews.item_id,
        reviews.order_id
    ) as review_id,
    reviews.user_id,
    reviews.item_id,
    reviews.category,
    reviews.event_timestamp,
    reviews.created_timestamp,
    cast(reviews.value as double) as stars,
    reviews.text
from reviews
inner join {{ ref('int_users') }} as users on reviews.user_id = users.user_id
where users.is_usable and {{ consent_allows('totals', 'reviews.consent') }}
