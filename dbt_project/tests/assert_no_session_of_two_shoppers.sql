-- A session belongs to one shopper: where the source lets several share an id, int_reused_sessions tells them apart.
select session_id
from {{ ref('int_session_events') }}
where is_identified
group by session_id
having min(user_id) != max(user_id)
union all
select session_id
from {{ ref('int_session_events') }}
where not is_identified
group by session_id
having min(user_id) != max(user_id)
