with

versions as (

    select
        {{ all_but(['user_id'], 'accounts') }},
        coalesce(merged.user_id, accounts.user_id) as user_id,
        row_number() over (
            partition by coalesce(merged.user_id, accounts.user_id)
            order by
                merged.user_id is not null,
                accounts.created_timestamp desc,
                accounts.source desc,
                accounts.consent desc
        ) as nth
    from {{ ref('stg_event_log__users') }} as accounts
    left join {{ ref('int_merged_users') }} as merged on accounts.user_id = merged.previous_user_id

)

select {{ all_but(['nth']) }}
from versions
where nth = 1
