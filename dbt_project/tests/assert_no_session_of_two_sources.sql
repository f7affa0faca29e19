-- Session ids are taken as sent: two sources that number theirs alike would be mixed into one session.
{{ config(severity='warn') }}

select session_id
from {{ ref('int_events') }}
where session_id is not null
group by session_id
having count(distinct source) > 1
