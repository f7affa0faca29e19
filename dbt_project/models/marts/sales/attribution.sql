with

orders as (

    select * from {{ ref('orders') }}
    where ordered_at is not null

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

touches as (

    select
        orders.order_key,
        count(*) as touches,
        {{ min_by('sessions.session_id', ['sessions.started_at', 'sessions.session_id']) }} as first_session_id,
        {{ max_by('sessions.session_id', ['sessions.started_at', 'sessions.session_id']) }} as last_session_id
    from orders
    inner join sessions
        on
            orders.user_id = sessions.user_id
            and orders.ordered_at >= sessions.started_at
            and {{ dbt.dateadd('day', '-' ~ var('attribution_days'), 'orders.ordered_at') }} <= sessions.started_at
    group by orders.order_key

)

select
    orders.order_key,
    orders.user_id,
    orders.ordered_at,
    orders.ordered_on,
    orders.net_revenue,
    coalesce(touches.touches, 0) as touches,
    first_touch.started_at as first_touch_at,
    first_touch.channel as first_channel,
    first_touch.campaign_id as first_campaign_id,
    last_touch.started_at as last_touch_at,
    last_touch.channel as last_channel,
    last_touch.campaign_id as last_campaign_id
from orders
left join touches on orders.order_key = touches.order_key
left join sessions as first_touch on touches.first_session_id = first_touch.session_id
left join sessions as last_touch on touches.last_session_id = last_touch.session_id
