{{
    config(
        materialized='parts',
        entity='event_date',
        entities='int_shop_days',
        condition='true'
    )
}}

with

changed_days as (

    {{ changed_entities('event_date', ref('int_shop_days'), 'true') }}

),

events as (

    select
        {{ all_but(['event_date'], 'behaviour') }},
        changed_days.event_date,
        case
            when behaviour.event_name in ('view_promotion', 'select_promotion') then 'promotion'
            else 'list'
        end as kind,
        behaviour.event_name in ('select_promotion', 'select_item') as is_click
    from {{ ref('int_behaviour') }} as behaviour
    inner join changed_days on {{ shop_date('behaviour.event_timestamp') }} = changed_days.event_date
    where behaviour.event_name in ('view_promotion', 'select_promotion', 'view_item_list', 'select_item')

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
group by
    event_date,
    kind,
    case when kind = 'promotion' then campaign_id end,
    placement,
    list_id,
    list_position
