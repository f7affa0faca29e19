{{
    config(
        materialized='chunked',
        rows_per_event=0.4,
        changed_events="{{ changed_events('user_id', ref('int_users'), 'true') }}",
        pre_hook="{{ forget_changed('user_id', ref('int_users'), ref('int_events_stitched'), 'true') }}"
    )
}}
{% set left_out = [
    'session_id', 'is_session_reused', 'text', 'intent_label', 'arrival_date', 'batch', 'actor_id'
] %}

with

changed_users as (

    {{ changed_entities('user_id', ref('int_users'), 'true') }}

),

-- Sessions that the source named need no window, which most of the time of this model would go into.
named as (

    select
        {{ all_but(left_out, 'stitched') }},
        changed_users.fingerprint,
        stitched.session_id
    from {{ ref('int_events_stitched') }} as stitched
    inner join changed_users on stitched.user_id = changed_users.user_id
    where stitched.session_id is not null and not stitched.is_session_reused and {{ in_chunk('stitched.user_id') }}

),

unnamed as (

    select
        {{ all_but(left_out, 'stitched') }},
        changed_users.fingerprint,
        -- A reused name still tells apart visits of one shopper that follow each other at once.
        coalesce(stitched.session_id || '|', '') as visit_name
    from {{ ref('int_events_stitched') }} as stitched
    inner join changed_users on stitched.user_id = changed_users.user_id
    where (stitched.session_id is null or stitched.is_session_reused) and {{ in_chunk('stitched.user_id') }}

),

gaps as (

    select
        *,
        coalesce(
            {{ dbt.dateadd('minute', '-' ~ var('session_gap_minutes'), 'event_timestamp') }}
            > lag(event_timestamp) over shopper,
            true
        ) as opens_session
    from unnamed
    window shopper as (
        partition by user_id, visit_name
        order by {{ event_order() }}
    )

),

numbered as (

    select
        *,
        max(case when opens_session then event_timestamp end) over (
            partition by user_id, visit_name
            order by {{ event_order() }}
        ) as opened_at
    from gaps

)

select * from named
union all
select
    {{ all_but(['opens_session', 'opened_at', 'visit_name']) }},
    's_' || left(md5(user_id || '|' || visit_name || {{ microseconds('opened_at') }}), 16) as session_id
from numbered
