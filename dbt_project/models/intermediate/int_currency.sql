with

stated as (

    select
        currency,
        count(*) as lines
    from {{ ref('int_current_events') }}
    where currency is not null and event_name in ('purchase', 'refund')
    group by currency

)

select coalesce({{ currency_setting() }}, {{ max_by('currency', ['lines', 'currency']) }}) as currency
from stated
