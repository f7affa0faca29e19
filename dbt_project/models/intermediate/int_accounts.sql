with

accounts as (

    select
        {{ all_but(['user_id'], 'accounts') }},
        accounts.user_id as account_id,
        coalesce(merged.user_id, links.user_id, accounts.user_id) as user_id
    from {{ ref('stg_event_log__users') }} as accounts
    left join {{ ref('int_merged_users') }} as merged on accounts.user_id = merged.previous_user_id
    left join {{ ref('int_identities') }} as links on accounts.user_id = links.anonymous_id

),

-- A row that states nothing but a consent, as a withdrawal does, does not describe the user anew.
versions as (

    select
        *,
        row_number() over (
            partition by user_id
            order by
                coalesce(cast(created_at as {{ dbt.type_string() }}), age_band, gender, country) is null,
                account_id != user_id,
                created_timestamp desc,
                source desc,
                consent desc
        ) as nth
    from accounts

),

-- The newest that each source says of each account, merged ones among them: what one refused, no other undoes.
said as (

    select
        user_id,
        consent,
        row_number() over (
            partition by account_id, source
            order by created_timestamp desc, {{ consent_rank() }}
        ) as nth
    from accounts
    where consent is not null

),

stated as (

    select
        user_id,
        {{ strictest_consent() }} as consent
    from said
    where nth = 1
    group by user_id

)

select
    {{ all_but(['nth', 'account_id', 'consent'], 'versions') }},
    stated.consent
from versions
left join stated on versions.user_id = stated.user_id
where versions.nth = 1
