-- Events of a shop over 90 days, drawn from hashes: sessions $first to $last of $sessions in all, ten events each.
-- Memory does not grow with the log, and the same numbers give the same rows.
with

drawn as (

    select
        i,
        cast(hash(i, 1) % $users as bigint) as who,
        -- Some days come before: traffic grows by half over the 90 days.
        cast(floor(90 * pow(hash(i, 2) / 18446744073709551616.0, 0.85)) as integer) as day,
        cast(hash(i, 3) % 86400 as bigint) as second,
        cast(hash(i, 4) % 100 as bigint) as identity,
        hash(i, 5) % 100 < 88 as has_session_id,
        cast(hash(i, 6) % 1000 as bigint) as outcome,
        cast(hash(i, 7) % 100 as bigint) as origin,
        cast(hash(i, 8) % 300 as bigint) as shelf
    from range($first, $last) as numbers (i)

),

steps as (

    select
        drawn.*,
        step,
        cast(hash(i, step, 9) % 1000 as bigint) as chance,
        cast(hash(i, step, 10) % 60 as bigint) as pause,
        timestamp '2026-01-01' + to_days(day) + to_seconds(second + step * (20 + pause)) as moment,
        -- Within a shelf the first items are the popular ones.
        (shelf + 300 * cast(floor($items / 300 * pow(hash(i, step, 11) / 18446744073709551616.0, 3)) as bigint)) as item
    from drawn
    cross join range(10) as steps (step)

),

named as (

    select
        *,
        case
            when step = 9 and outcome < 50 then 'purchase'
            when step = 8 and outcome < 60 then 'begin_checkout'
            when step = 7 and outcome < 90 then 'add_to_cart'
            when chance < 480 then 'view_item'
            when chance < 690 then 'view_item_list'
            when chance < 750 then 'select_item'
            when chance < 800 then 'search'
            when chance < 840 then 'add_to_cart'
            when chance < 900 then 'page_view'
            when chance < 912 then 'view_promotion'
            when chance < 916 then 'select_promotion'
            when chance < 930 then 'add_to_wishlist'
            when chance < 960 then 'view_cart'
            when chance < 966 then 'rate_item'
            when chance < 968 then 'refund'
            else 'remove_from_cart'
        end as event_name
    from steps

)

select
    'e' || (10 * i + step) as event_id,
    cast(0 as integer) as line_number,
    event_name,
    moment at time zone 'UTC' as event_timestamp,
    (moment + to_seconds(2)) at time zone 'UTC' as created_timestamp,
    case when identity < 75 and (identity < 50 or step >= 5) then 'u_' || who end as user_id,
    case when identity >= 50 then 'a_' || who end as anonymous_id,
    case when has_session_id then 's' || i end as session_id,
    case when event_name not in ('search', 'page_view', 'view_cart', 'view_promotion', 'select_promotion')
        then 'item-' || item end as item_id,
    case when event_name in ('purchase', 'refund', 'add_to_cart') then cast(1 + chance % 3 as integer) end as quantity,
    case when event_name not in ('search', 'page_view', 'view_cart', 'view_promotion', 'select_promotion')
        then cast(5 + item % 200 as decimal(18, 4)) end as price,
    'EUR' as currency,
    case when event_name = 'rate_item' then cast(1 + chance % 5 as double) end as value,
    case when event_name in ('purchase', 'refund') then 'o' || i end as order_id,
    case when event_name in ('view_item_list', 'select_item') then 'shelf-' || shelf end as list_id,
    case when event_name in ('view_item_list', 'select_item') then cast(1 + chance % 10 as integer) end as list_position,
    case when event_name in ('view_promotion', 'select_promotion') then 'home' end as placement,
    cast(null as varchar) as recommendation_id,
    case when event_name = 'search' then 'query ' || shelf end as query,
    case when event_name = 'rate_item' then 'good' end as text,
    case when origin < 20 or event_name in ('view_promotion', 'select_promotion') then 'c' || origin % 8 end
        as campaign_id,
    ['direct', 'organic', 'email', 'paid', 'social'][1 + origin % 5] as channel,
    ['mobile', 'desktop', 'tablet'][1 + who % 3] as device,
    ['DE', 'FR', 'NL', 'GB'][1 + who % 4] as country,
    ['web', 'app'][1 + who % 2] as platform,
    cast(null as varchar) as category,
    cast(null as varchar) as brand,
    case when who % 20 = 0 then 'none' else 'granted' end as consent,
    'generated' as source,
    cast(null as varchar) as properties
from named
