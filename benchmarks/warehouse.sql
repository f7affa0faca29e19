-- The marts of benchmarks.warehouse.COMPARED, written by hand for DuckDB and for a whole log at once: nothing is kept
-- for a next run, nothing is tested, and no model stands between a mart and what it needs.

create temp table identities as
select
    anonymous_id,
    min(user_id) as user_id
from read_parquet('$log/events/*.parquet')
where user_id is not null and anonymous_id is not null
group by anonymous_id
having min(user_id) = max(user_id);

create temp table catalogue as
select
    item_id,
    arg_max(category, valid_from) as category,
    arg_max(brand, valid_from) as brand
from read_parquet('$log/items.parquet')
group by item_id;

create temp table accounts as
select
    user_id,
    arg_max(consent, created_timestamp) as consent
from read_parquet('$log/users.parquet')
group by user_id;

-- What purchases and refunds come to. The log has one currency, no event id twice, and no refund without an item, pieces
-- and a price.
create temp table sales as
with

reports as (

    select
        event_id,
        source || ':' || coalesce(order_id, event_id) as order_key,
        item_id,
        event_name,
        coalesce(quantity, 1) as pieces,
        coalesce(cast(value as decimal(18, 4)), price * coalesce(quantity, 1), 0) as amount,
        event_timestamp,
        line_number,
        -- A purchase is told again at any later time, a refund only at its own.
        (event_name = 'purchase' and event_timestamp > min(event_timestamp) over line)
        or row_number() over report > 1 as is_repeat
    from read_parquet('$log/events/*.parquet')
    where event_name in ('purchase', 'refund')
    window
        line as (partition by source, coalesce(order_id, event_id), event_name, item_id, line_number),
        report as (
            partition by
                source, coalesce(order_id, event_id), event_name, item_id, line_number,
                event_timestamp, quantity, price, value
            order by event_id
        )

),

summed as (

    select
        *,
        sum(pieces) over so_far as pieces_so_far,
        sum(amount) over so_far as amount_so_far,
        sum(pieces) filter (where event_name = 'purchase') over line as bought_pieces,
        sum(amount) filter (where event_name = 'purchase') over line as bought_amount
    from reports
    window
        line as (partition by order_key, item_id, is_repeat),
        so_far as (
            partition by order_key, item_id, is_repeat, event_name
            order by event_timestamp, event_id, line_number
            rows between unbounded preceding and current row
        )

)

-- Refunds give back no more of an item than was bought. Where nothing was, least() leaves the null out, and they count
-- as they were sent.
select
    event_id,
    order_key,
    is_repeat,
    least(pieces_so_far, bought_pieces) - least(pieces_so_far - pieces, bought_pieces) as pieces,
    least(amount_so_far, bought_amount) - least(amount_so_far - amount, bought_amount) as amount
from summed;

create temp table events as
select
    events.event_id,
    events.line_number,
    events.source,
    events.event_name,
    events.event_timestamp,
    events.created_timestamp,
    cast(events.event_timestamp as date) as event_date,
    coalesce(events.user_id, identities.user_id, events.anonymous_id) as user_id,
    coalesce(events.user_id, identities.user_id) is not null as is_identified,
    events.session_id,
    events.item_id,
    events.price,
    events.currency,
    events.order_id,
    sales.order_key,
    sales.pieces,
    sales.amount,
    events.channel,
    events.device,
    events.country,
    events.platform,
    events.campaign_id,
    coalesce(events.category, catalogue.category) as category,
    coalesce(events.brand, catalogue.brand) as brand,
    events.consent
from read_parquet('$log/events/*.parquet') as events
left join identities on events.anonymous_id = identities.anonymous_id
left join catalogue on events.item_id = catalogue.item_id
left join sales on events.event_id = sales.event_id
where sales.is_repeat is not true;

create temp table users as
with

minutes as (

    select
        user_id,
        event_date,
        count(distinct event_id) as pages,
        sum(pages) over (partition by user_id, event_date) as pages_in_a_day
    from events
    where event_name in ('page_view', 'search', 'view_item_list', 'select_item', 'view_item')
    group by user_id, event_date, date_trunc('minute', event_timestamp)

),

busiest as (

    select
        user_id,
        max(pages) as pages_in_a_minute,
        max(pages_in_a_day) as pages_in_a_day
    from minutes
    group by user_id

),

activity as (

    select
        user_id,
        max(event_timestamp) as last_seen_at,
        bool_or(event_name = 'purchase') as bought,
        last(consent order by event_timestamp, event_id, line_number, source) as consent
    from events
    group by user_id

)

select
    user_id,
    last_seen_at,
    not bought and coalesce(pages_in_a_minute >= 40 or pages_in_a_day >= 1000, false) as is_bot,
    -- What an account says does not undo what the newest event says, nor the other way round.
    not is_bot and activity.consent != 'none' and coalesce(accounts.consent, '') != 'none' as is_usable
from activity
left join busiest using (user_id)
left join accounts using (user_id);

create temp table visits as
with

opened as (

    select
        *,
        coalesce(
            event_timestamp - interval 30 minutes > lag(event_timestamp) over shopper, true
        ) as opens_session
    from events
    where session_id is null
    window shopper as (partition by user_id order by event_timestamp, event_id, line_number, source)

),

cut as (

    select
        * exclude (opens_session) replace (
            's_' || left(md5(user_id || '|' || epoch_us(max(case when opens_session then event_timestamp end) over (
                partition by user_id order by event_timestamp, event_id, line_number, source
            ))), 16) as session_id
        )
    from opened

)

select * from events where session_id is not null
union all by name
select * from cut;

drop table events;

create temp table session_rows as
select
    session_id,
    coalesce(
        last(user_id order by event_timestamp, event_id, line_number, source) filter (where is_identified),
        last(user_id order by event_timestamp, event_id, line_number, source)
    ) as user_id,
    min(event_timestamp) as started_at,
    cast(min(event_timestamp) as date) as started_on,
    max(event_timestamp) as ended_at,
    cast(epoch_us(max(event_timestamp)) - epoch_us(min(event_timestamp)) as double) / 1000000 as duration_seconds,
    count(*) as events,
    count(*) filter (where event_name = 'view_item') as views,
    count(*) filter (where event_name = 'add_to_cart') as carts,
    count(distinct event_id) filter (where event_name = 'begin_checkout') as checkouts,
    count(*) filter (where event_name = 'purchase') as purchases,
    cast(coalesce(sum(amount) filter (where event_name = 'purchase'), 0) as double) as revenue,
    first(channel order by event_timestamp, event_id, line_number, source) filter (where channel is not null)
        as channel,
    first(device order by event_timestamp, event_id, line_number, source) filter (where device is not null) as device,
    first(country order by event_timestamp, event_id, line_number, source) filter (where country is not null)
        as country,
    bool_or(is_bot) as is_bot,
    count(*) filter (where event_name = 'purchase') > 0 as converted,
    first(event_name order by event_timestamp, event_id, line_number, source) as entry_event_name,
    first(item_id order by event_timestamp, event_id, line_number, source) filter (where item_id is not null)
        as entry_item_id,
    last(event_name order by event_timestamp, event_id, line_number, source) as exit_event_name,
    last(item_id order by event_timestamp, event_id, line_number, source) filter (where item_id is not null)
        as exit_item_id,
    min(event_id) = max(event_id) as is_bounce,
    count(*) filter (where event_name = 'search') as searches,
    first(platform order by event_timestamp, event_id, line_number, source) filter (where platform is not null)
        as platform,
    first(campaign_id order by event_timestamp, event_id, line_number, source) filter (where campaign_id is not null)
        as campaign_id
from visits
inner join (select user_id, is_bot from users) using (user_id)
group by session_id;

copy (from session_rows order by session_id) to '$folder/sessions.parquet' (compression zstd);

create temp table lines as
select
    order_key,
    item_id,
    min(order_id) as order_id,
    source,
    arg_min(user_id, row(event_name = 'refund', event_timestamp, event_id, line_number)) as user_id,
    arg_min(session_id, row(event_name = 'refund', event_timestamp, event_id, line_number)) as session_id,
    min(event_timestamp) filter (where event_name = 'purchase') as ordered_at,
    cast(min(event_timestamp) filter (where event_name = 'purchase') as date) as ordered_on,
    max(event_timestamp) filter (where event_name = 'refund') as refunded_at,
    cast(max(event_timestamp) filter (where event_name = 'refund') as date) as refunded_on,
    arg_min(category, row(event_name = 'refund', event_timestamp, event_id, line_number)) as category,
    arg_min(brand, row(event_name = 'refund', event_timestamp, event_id, line_number)) as brand,
    arg_min(currency, row(event_name = 'refund', event_timestamp, event_id, line_number)) as currency,
    cast(coalesce(sum(pieces) filter (where event_name = 'purchase'), 0) as bigint) as quantity,
    cast(coalesce(sum(pieces) filter (where event_name = 'refund'), 0) as bigint) as refunded_quantity,
    cast(coalesce(sum(amount) filter (where event_name = 'purchase'), 0) as decimal(18, 4)) as gross_revenue,
    cast(coalesce(sum(amount) filter (where event_name = 'refund'), 0) as decimal(18, 4)) as refunded_revenue,
    cast(sum(case when event_name = 'purchase' then amount else -amount end) as decimal(18, 4)) as net_revenue,
    cast(0 as bigint) as unconverted_lines
from visits
where order_key is not null
group by all;

copy (from lines order by order_key, item_id) to '$folder/order_items.parquet' (compression zstd);

copy (
    with

    orders as (

        select
            order_key,
            min(order_id) as order_id,
            source,
            arg_min(user_id, row(ordered_at is null, ordered_at, item_id)) as user_id,
            arg_min(session_id, row(ordered_at is null, ordered_at, item_id)) as session_id,
            min(ordered_at) as ordered_at,
            min(ordered_on) as ordered_on,
            max(refunded_at) as refunded_at,
            max(refunded_on) as refunded_on,
            count(*) filter (where quantity > 0) as items,
            cast(sum(quantity) as bigint) as quantity,
            cast(sum(refunded_quantity) as bigint) as refunded_quantity,
            cast(sum(gross_revenue) as decimal(18, 4)) as gross_revenue,
            cast(sum(refunded_revenue) as decimal(18, 4)) as refunded_revenue,
            cast(sum(net_revenue) as decimal(18, 4)) as net_revenue,
            min(currency) as currency,
            cast(sum(unconverted_lines) as bigint) as unconverted_lines
        from lines
        group by all

    ),

    repeats as (

        select
            order_key,
            count(*) as repeated_lines
        from sales
        where is_repeat
        group by order_key

    )

    select
        orders.* exclude (refunded_at, refunded_on, unconverted_lines),
        session_rows.channel,
        session_rows.campaign_id,
        session_rows.device,
        session_rows.country,
        case when ordered_at is not null then row_number() over shopper end as order_number,
        date_diff('second', cast(lag(ordered_at) over shopper as timestamp), cast(ordered_at as timestamp))
        / cast(86400 as double) as days_since_previous_order,
        orders.refunded_at,
        orders.refunded_on,
        orders.unconverted_lines,
        coalesce(repeats.repeated_lines, 0) as repeated_lines
    from orders
    left join repeats using (order_key)
    left join session_rows using (session_id)
    window shopper as (partition by orders.user_id, ordered_at is null order by ordered_at, order_key)
    order by order_key
) to '$folder/orders.parquet' (compression zstd);

create temp table usable as
select
    event_id,
    line_number,
    source,
    event_name,
    event_timestamp,
    created_timestamp,
    event_date,
    user_id,
    session_id,
    item_id,
    price
from visits
where consent != 'none' and user_id in (select user_id from users where is_usable);

copy (
    select
        user_id,
        item_id,
        event_name,
        event_timestamp,
        created_timestamp,
        session_id,
        cast(price as double) as price,
        row_number() over (partition by user_id order by event_timestamp, event_id, line_number, source) as nth
    from usable
    where
        item_id is not null
        and event_name in ('view_item', 'add_to_wishlist', 'add_to_cart', 'purchase', 'rate_item')
    order by user_id, nth
) to '$folder/interactions.parquet' (compression zstd);

copy (
    with

    latest as (

        select
            item_id,
            last(category order by event_timestamp, event_id, line_number, source)
            filter (where category is not null) as category,
            last(brand order by event_timestamp, event_id, line_number, source)
            filter (where brand is not null) as brand
        from visits
        where item_id is not null and item_id not in (select item_id from catalogue)
        group by item_id

    ),

    items as (

        from catalogue
        union all
        from latest

    ),

    days as (

        select
            item_id,
            event_date,
            count(*) filter (where event_name in ('view_item_list', 'view_promotion')) as impressions,
            count(*) filter (where event_name = 'view_item') as views,
            count(*) filter (where event_name = 'add_to_wishlist') as wishlists,
            count(*) filter (where event_name = 'add_to_cart') as carts,
            count(*) filter (where event_name = 'purchase') as purchases,
            sum(pieces) filter (where event_name = 'purchase') as units,
            sum(amount) filter (where event_name = 'purchase') as gross_revenue,
            sum(pieces) filter (where event_name = 'refund') as refunded_units,
            sum(amount) filter (where event_name = 'refund') as refunded_revenue,
            min(price) filter (where event_name != 'refund') as lowest_price,
            max(price) filter (where event_name != 'refund') as highest_price,
            sum(price) filter (where event_name != 'refund') as price_sum,
            count(price) filter (where event_name != 'refund') as priced_events
        from visits
        where item_id is not null and user_id not in (select user_id from users where is_bot)
        group by item_id, event_date

    )

    select
        item_id,
        event_date,
        items.category,
        items.brand,
        impressions,
        views,
        wishlists,
        carts,
        purchases,
        cast(coalesce(units, 0) as bigint) as units,
        cast(coalesce(gross_revenue, 0) as decimal(18, 4)) as gross_revenue,
        cast(coalesce(refunded_units, 0) as bigint) as refunded_units,
        cast(coalesce(refunded_revenue, 0) as decimal(18, 4)) as refunded_revenue,
        lowest_price,
        highest_price,
        cast(price_sum as double) / nullif(priced_events, 0) as mean_price,
        priced_events
    from days
    inner join items using (item_id)
    order by item_id, event_date
) to '$folder/item_demand_daily.parquet' (compression zstd);

create temp table steps as
select
    user_id,
    event_date,
    event_name,
    event_timestamp
from usable
where event_name in ('view_item', 'add_to_cart', 'begin_checkout', 'purchase');

copy (
    with

    entered as (

        select
            user_id,
            event_date,
            min(event_timestamp) as entered_at
        from steps
        where event_name = 'view_item'
        group by all

    ),

    -- ASOF finds the first event at or after a moment without comparing it to every other one.
    carted as (

        select
            entered.*,
            later.event_timestamp as reached_at
        from entered
        asof join (from steps where event_name = 'add_to_cart') as later
            on entered.user_id = later.user_id and entered.entered_at <= later.event_timestamp
        where later.event_timestamp < entered_at + interval 7 days

    ),

    checked_out as (

        select
            carted.* exclude (reached_at),
            later.event_timestamp as reached_at
        from carted
        asof join (from steps where event_name = 'begin_checkout') as later
            on carted.user_id = later.user_id and carted.reached_at <= later.event_timestamp
        where later.event_timestamp < entered_at + interval 7 days

    ),

    bought as (

        select checked_out.*
        from checked_out
        asof join (from steps where event_name = 'purchase') as later
            on checked_out.user_id = later.user_id and checked_out.reached_at <= later.event_timestamp
        where later.event_timestamp < entered_at + interval 7 days

    ),

    counted as (

        select event_date, 1 as step_number, 'view_item' as step, count(*) as reached from entered group by all
        union all
        select event_date, 2, 'add_to_cart', count(*) from carted group by all
        union all
        select event_date, 3, 'begin_checkout', count(*) from checked_out group by all
        union all
        select event_date, 4, 'purchase', count(*) from bought group by all

    ),

    everywhere as (

        select
            days.event_date,
            names.step_number,
            names.step,
            coalesce(counted.reached, 0) as shoppers
        from (select distinct event_date from entered) as days
        cross join (select distinct step_number, step from counted) as names
        left join counted using (event_date, step_number)

    )

    select
        event_date,
        step_number,
        step,
        shoppers,
        shoppers / nullif(cast(lag(shoppers) over day_steps as double), 0) as step_rate,
        shoppers / cast(first_value(shoppers) over day_steps as double) as overall_rate,
        (event_date + interval 1 day) at time zone 'UTC'
        <= (select max(last_seen_at) from users) - interval 7 days as is_complete
    from everywhere
    window day_steps as (partition by event_date order by step_number)
    order by event_date, step_number
) to '$folder/funnel_daily.parquet' (compression zstd);
