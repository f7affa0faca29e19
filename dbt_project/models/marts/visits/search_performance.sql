with

actions as (

    select
        event_date,
        user_id,
        event_name,
        lower(query) as query,
        search_results,
        lead(event_name) over session as next_event_name,
        lead(lower(query)) over session as next_query
    from {{ ref('int_behaviour') }}
    where event_name in ('search', 'select_item', 'view_item')
    window session as (
        partition by session_id
        order by event_timestamp, event_id, line_number, source
    )

),

searches as (

    select
        *,
        coalesce(next_event_name in ('select_item', 'view_item'), false) as is_clicked,
        coalesce(next_event_name = 'search' and next_query != query, false) as is_refined
    from actions
    where event_name = 'search' and query is not null

)

select
    event_date,
    query,
    count(*) as searches,
    count(distinct user_id) as shoppers,
    count(*) filter (where is_clicked) as clicked,
    count(*) filter (where is_refined) as refined,
    count(*) filter (where is_clicked) / cast(count(*) as double) as click_through_rate,
    count(*) filter (where is_refined) / cast(count(*) as double) as refinement_rate,
    count(search_results) as counted,
    count(*) filter (where search_results = 0) as zero_results,
    count(*) filter (where search_results = 0) / nullif(cast(count(search_results) as double), 0) as zero_result_rate
from searches
group by event_date, query
