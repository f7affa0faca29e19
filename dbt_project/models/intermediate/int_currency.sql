with

stated as (

    select
        currency,
        count(*) as lines
    from {{ ref('int_current_events') }}
    where currency is not null and event_name in ('purchase', 'refund')
    group by currency

)

select coalesce(
    {{ "'" ~ env_var('SHOPSIGHT_CURRENCY', '') ~ "'" if env_var('SHOPSIGHT_CURRENCY', '') else 'null' }},
    {{ max_by('currency', ['lines', 'currency']) }}
) as currency
from stated
