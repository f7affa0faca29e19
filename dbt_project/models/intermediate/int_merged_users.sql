with

newest as (

    select
        previous_user_id,
        {{ max_by('user_id', ['event_timestamp', 'created_timestamp', 'event_hash']) }} as user_id,
        {{ max_by('created_timestamp', ['event_timestamp', 'created_timestamp', 'event_hash']) }} as merged_at
    from {{ ref('int_events') }}
    where previous_user_id is not null and user_id is not null and previous_user_id != user_id
    group by previous_user_id

),

-- A user into whom others were merged may be merged, too.
followed as (

    select
        newest.previous_user_id,
        coalesce(hop_3.user_id, hop_2.user_id, hop_1.user_id, newest.user_id) as user_id,
        greatest(
            newest.merged_at,
            coalesce(hop_1.merged_at, newest.merged_at),
            coalesce(hop_2.merged_at, newest.merged_at),
            coalesce(hop_3.merged_at, newest.merged_at)
        ) as merged_at,
        hop_4.user_id is not null as is_endless
    from newest
    left join newest as hop_1 on newest.user_id = hop_1.previous_user_id
    left join newest as hop_2 on hop_1.user_id = hop_2.previous_user_id
    left join newest as hop_3 on hop_2.user_id = hop_3.previous_user_id
    left join newest as hop_4 on hop_3.user_id = hop_4.previous_user_id

)

select
    previous_user_id,
    user_id,
    merged_at
from followed
where not is_endless
