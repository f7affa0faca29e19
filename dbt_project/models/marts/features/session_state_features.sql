{{
    config(
        materialized='parts',
        entity='session_id',
        entities='int_sessions',
        in_chunks=true
    )
}}

with

changed_sessions as (

    {{ changed_entities('session_id', ref('int_sessions'), others=['checked_out_at']) }}

),

events as (

    select
        behaviour.*,
        changed_sessions.checked_out_at,
        concat_ws(
            '|',
            behaviour.event_id,
            behaviour.line_number,
            behaviour.source,
            behaviour.event_name,
            coalesce(behaviour.item_id, '')
        ) as event_key,
        row_number() over newest as nth_newest,
        {{ seconds_between(
            'coalesce(lead(behaviour.event_timestamp) over newest, behaviour.event_timestamp)',
            'behaviour.event_timestamp'
        ) }} as pause
    from {{ ref('int_personal_behaviour') }} as behaviour
    inner join changed_sessions on behaviour.session_id = changed_sessions.session_id
    where
        (
            changed_sessions.checked_out_at is null
            or behaviour.event_timestamp < changed_sessions.checked_out_at
        )
        and {{ in_chunk('behaviour.session_id') }}
    window newest as (
        partition by behaviour.session_id
        order by
            {{ event_order('behaviour', 'desc nulls first') }}
    )

)

select
    session_id,
    coalesce(checked_out_at, max(event_timestamp)) as event_timestamp,
    max(created_timestamp) as created_timestamp,
    cast(checked_out_at is not null as bigint) as is_checked_out,
    {{ microseconds('min(event_timestamp)') }} as started_us,
    {{ microseconds('max(event_timestamp)') }} as last_us,
    count(*) as events,
    count(*) filter (where event_name = 'view_item') as views,
    count(*) filter (where event_name = 'search') as searches,
    count(*) filter (where event_name = 'add_to_wishlist') as wishlists,
    count(*) filter (where event_name = 'add_to_cart') as carts,
    count(*) filter (where event_name = 'remove_from_cart') as cart_removals,
    count(*) filter (where event_name = 'view_cart') as cart_views,
    {{ distinct_list('item_id') }} as items_seen,
    {{ distinct_list('category') }} as categories_seen,
    cast(sum(price) as {{ dbt.type_string() }}) as price_sum,
    count(price) as prices,
    cast(min(price) as double) as price_min,
    cast(max(price) as double) as price_max,
    max(pause) as longest_pause,
    cast(max(list_position) as bigint) as deepest_position,
    {{ ordered_list("event_name", "-nth_newest", "nth_newest <= 10") }} as recent_actions,
    {{ ordered_list("coalesce(item_id, '')", "-nth_newest", "nth_newest <= 10") }} as recent_items,
    {{ ordered_list("event_key", "-nth_newest", "nth_newest <= 10") }} as recent_keys
from events
group by session_id, checked_out_at
