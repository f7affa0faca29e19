with

reviews as (

    select * from {{ ref('int_events_stitched') }}
    where event_name = 'rate_item'

),

usable as (

    select reviews.*
    from reviews
    inner join {{ ref('int_users') }} as users on reviews.user_id = users.user_id
    where users.is_usable and {{ consent_allows('totals', 'reviews.consent') }}

)

select
    item_id,
    count(*) as reviews,
    count(value) as ratings,
    cast(sum(value) as double) / nullif(count(value), 0) as rating_mean,
    {% for stars in range(1, 6) -%}
    count(*) filter (where round(value) = {{ stars }}) as stars_{{ stars }},
    {% endfor -%}
    count(text) as written,
    min(event_timestamp) as first_review_at,
    max(event_timestamp) as last_review_at
from usable
group by item_id
