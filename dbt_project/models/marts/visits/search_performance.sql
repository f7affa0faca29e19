with

searches as (

    select
        {{ all_but(['event_timestamp']) }},
        {{ shop_date('event_timestamp') }} as event_date
    from {{ ref('int_searches') }}

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
