with

items as (

    select * from {{ ref('order_items') }}

),

orders as (

    select
        order_key,
        min(order_id) as order_id,
        source,
        {{ min_by('user_id', ['ordered_at is null', 'ordered_at', 'item_id']) }} as user_id,
        {{ min_by('session_id', ['ordered_at is null', 'ordered_at', 'item_id']) }} as session_id,
        min(ordered_at) as ordered_at,
        max(refunded_at) as refunded_at,
        count(*) filter (where quantity > 0) as items,
        cast(sum(quantity) as bigint) as quantity,
        cast(sum(refunded_quantity) as bigint) as refunded_quantity,
        cast(sum(gross_revenue) as decimal(18, 4)) as gross_revenue,
        cast(sum(refunded_revenue) as decimal(18, 4)) as refunded_revenue,
        cast(sum(net_revenue) as decimal(18, 4)) as net_revenue,
        min(currency) as currency,
        cast(sum(unconverted_lines) as bigint) as unconverted_lines
    from items
    group by order_key, source

),

repeats as (

    select
        order_key,
        count(*) as repeated_lines
    from {{ ref('int_order_reports') }}
    where is_repeat
    group by order_key

),

numbered as (

    select
        *,
        case when ordered_at is not null then row_number() over shopper end as order_number,
        {{ dbt.datediff('lag(ordered_at) over shopper', 'ordered_at', 'second') }} as seconds_since_previous_order
    from orders
    window shopper as (partition by user_id, ordered_at is null order by ordered_at, order_key)

)

select
    numbered.order_key,
    numbered.order_id,
    numbered.source,
    numbered.user_id,
    numbered.session_id,
    numbered.ordered_at,
    {{ shop_date('numbered.ordered_at') }} as ordered_on,
    numbered.items,
    numbered.quantity,
    numbered.refunded_quantity,
    numbered.gross_revenue,
    numbered.refunded_revenue,
    numbered.net_revenue,
    numbered.currency,
    sessions.channel,
    sessions.campaign_id,
    sessions.device,
    sessions.country,
    numbered.order_number,
    numbered.seconds_since_previous_order / cast(86400 as double) as days_since_previous_order,
    numbered.refunded_at,
    {{ shop_date('numbered.refunded_at') }} as refunded_on,
    numbered.unconverted_lines,
    coalesce(repeats.repeated_lines, 0) as repeated_lines
from numbered
left join repeats on numbered.order_key = repeats.order_key
left join {{ ref('int_sessions') }} as sessions on numbered.session_id = sessions.session_id
