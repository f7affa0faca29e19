-- A feature row is known at feature_timestamp only if nothing in it happened later.
select
    user_id as entity,
    feature_timestamp
from {{ ref('user_features_daily') }}
where days_since_last_event <= 0 or days_since_last_event > 1 or days_since_first_event < days_since_last_event
union all
select
    session_id as entity,
    event_timestamp as feature_timestamp
from {{ ref('session_features') }}
where seconds_since_start < 0 or seconds_since_last_event > seconds_since_start
