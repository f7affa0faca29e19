select
    session_id,
    event_timestamp,
    user_id,
    query,
    cast(search_results as bigint) as search_results,
    clicked_item_id,
    is_clicked,
    is_refined
from {{ ref('int_searches') }}
