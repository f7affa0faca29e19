{{
    config(
        materialized='chunked',
        entity=['user_id', 'event_date'],
        entities='int_user_day_fingerprints',
        condition='true',
        rows_per_event=0.4
    )
}}
{% set left_out = [
    'session_id', 'is_session_reused', 'text', 'intent_label', 'arrival_date', 'batch', 'actor_id'
] %}

with

changed_days as (

    {{ changed_entities(['user_id', 'event_date'], ref('int_user_day_fingerprints'), 'true') }}

),

changed_users as (

    select
        user_id,
        min(event_date) as first_day
    from changed_days
    group by user_id

),

-- Sessions that the source named need no window, which most of the time of this model would go into.
named as (

    select
        {{ all_but(left_out, 'stitched') }},
        cast(null as {{ dbt.type_string() }}) as visit_name,
        case when false then stitched.event_timestamp end as opened_at,
        stitched.session_id
    from {{ ref('int_events_stitched') }} as stitched
    inner join changed_days
        on stitched.user_id = changed_days.user_id and stitched.event_date = changed_days.event_date
    where stitched.session_id is not null and not stitched.is_session_reused and {{ in_chunk('stitched.user_id') }}

),

unnamed as (

    select
        {{ all_but(left_out, 'stitched') }},
        -- A reused name still tells apart visits of one shopper that follow each other at once.
        coalesce(stitched.session_id || '|', '') as visit_name
    from {{ ref('int_events_stitched') }} as stitched
    inner join changed_users
        on stitched.user_id = changed_users.user_id and stitched.event_date >= changed_users.first_day
    where (stitched.session_id is null or stitched.is_session_reused) and {{ in_chunk('stitched.user_id') }}

),

-- The session that each shopper was in before the first day that is made now.
going_on as (

    {% if is_later_run() -%}
    select
        held.user_id,
        held.visit_name,
        max(held.event_timestamp) as last_at,
        max(held.opened_at) as opened_at
    from {{ this }} as held
    inner join changed_users on held.user_id = changed_users.user_id and held.event_date < changed_users.first_day
    where held.visit_name is not null
    group by held.user_id, held.visit_name
    {%- else -%}
    select
        user_id,
        visit_name,
        event_timestamp as last_at,
        event_timestamp as opened_at
    from unnamed
    where false
    {%- endif %}

),

gaps as (

    select
        unnamed.*,
        going_on.opened_at as opened_before,
        coalesce(
            {{ dbt.dateadd('minute', '-' ~ var('session_gap_minutes'), 'unnamed.event_timestamp') }}
            > coalesce(lag(unnamed.event_timestamp) over shopper, going_on.last_at),
            true
        ) as opens_session
    from unnamed
    left join going_on on unnamed.user_id = going_on.user_id and unnamed.visit_name = going_on.visit_name
    window shopper as (
        partition by unnamed.user_id, unnamed.visit_name
        order by {{ event_order('unnamed') }}
    )

),

numbered as (

    select
        {{ all_but(['opened_before', 'opens_session']) }},
        coalesce(
            max(case when opens_session then event_timestamp end) over (
                partition by user_id, visit_name
                order by {{ event_order() }}
            ),
            opened_before
        ) as opened_at
    from gaps

)

select * from named
union all
select
    {{ all_but(['visit_name', 'opened_at'], 'numbered') }},
    numbered.visit_name,
    numbered.opened_at,
    's_' || left(md5(numbered.user_id || '|' || numbered.visit_name || {{ microseconds('numbered.opened_at') }}), 16)
        as session_id
from numbered
inner join changed_days
    on numbered.user_id = changed_days.user_id and numbered.event_date = changed_days.event_date
