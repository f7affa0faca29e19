-- An order number that two known users bought under may be used again for another order: only the first of them counts.
{{ config(severity='warn') }}

select
    reports.order_key,
    count(distinct events.user_id) as users
from {{ ref('int_order_reports') }} as reports
inner join {{ ref('int_current_events') }} as events on reports.event_hash = events.event_hash
where reports.event_name = 'purchase'
group by reports.order_key
having count(distinct events.user_id) > 1 and count(*) filter (where reports.is_repeat) > 0
