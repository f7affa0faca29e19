with

-- Seeing a banner is no response: following it is, and so is a visit that the campaign brought.
visits as (

    select
        campaign_id,
        session_id,
        {{ shop_date('min(event_timestamp)') }} as event_date,
        min(user_id) as user_id,
        count(*) filter (where event_name = 'view_promotion') as promotion_views,
        count(*) filter (where event_name = 'select_promotion') as promotion_clicks,
        min(event_timestamp) filter (where event_name != 'view_promotion') as responded_at
    from {{ ref('int_behaviour') }}
    where campaign_id is not null
    group by campaign_id, session_id

),

bought as (

    select
        visits.campaign_id,
        visits.session_id,
        count(*) as orders,
        sum(orders.net_revenue) as net_revenue
    from visits
    inner join {{ ref('orders') }} as orders
        on visits.session_id = orders.session_id and visits.responded_at <= orders.ordered_at
    group by visits.campaign_id, visits.session_id

)

select
    visits.campaign_id,
    visits.event_date,
    count(*) as sessions,
    count(distinct visits.user_id) as shoppers,
    cast(sum(visits.promotion_views) as bigint) as promotion_views,
    cast(sum(visits.promotion_clicks) as bigint) as promotion_clicks,
    sum(visits.promotion_clicks) / nullif(cast(sum(visits.promotion_views) as double), 0) as click_through_rate,
    count(visits.responded_at) as responding_sessions,
    count(bought.session_id) as converting_sessions,
    count(bought.session_id) / nullif(cast(count(visits.responded_at) as double), 0) as conversion_rate,
    cast(coalesce(sum(bought.orders), 0) as bigint) as orders,
    cast(coalesce(sum(bought.net_revenue), 0) as decimal(18, 4)) as net_revenue
from visits
left join bought on visits.campaign_id = bought.campaign_id and visits.session_id = bought.session_id
group by visits.campaign_id, visits.event_date
