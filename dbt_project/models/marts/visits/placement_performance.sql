with

events as (

    select
        *,
        case when event_name in ('view_promotion', 'select_promotion') then 'promotion' else 'list' end as kind,
        event_name in ('select_promotion', 'select_item') as is_click
    from {{ ref('int_behaviour') }}
    where event_name in ('view_promotion', 'select_promotion', 'view_item_list', 'select_item')

)

select
    event_date,
    kind,
    case when kind = 'promotion' then campaign_id end as campaign_id,
    placement,
    list_id,
    list_position,
    count(*) filter (where not is_click) as impressions,
    count(*) filter (where is_click) as clicks,
    count(*) filter (where is_click) / nullif(cast(count(*) filter (where not is_click) as double), 0)
        as click_through_rate
from events
group by event_date, kind, case when kind = 'promotion' then campaign_id end, placement, list_id, list_position
