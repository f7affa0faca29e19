-- Every label has its features, and a session's answer does not change within the session.
select
    labels.session_id,
    labels.event_timestamp
from {{ ref('session_labels') }} as labels
left join {{ ref('session_features') }} as features
    on labels.session_id = features.session_id and labels.event_timestamp = features.event_timestamp
where features.session_id is null
union all
select
    session_id,
    min(event_timestamp) as event_timestamp
from {{ ref('session_labels') }}
group by session_id
having count(distinct purchased) > 1
