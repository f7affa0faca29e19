with

-- A shop of one currency has no row here, and nothing of it is converted.
foreign_days as (

    select distinct
        events.currency,
        {{ shop_date('events.event_timestamp') }} as event_date
    from {{ ref('int_current_events') }} as events
    inner join {{ ref('int_currency') }} as reporting on events.currency != reporting.currency

)

select
    foreign_days.currency,
    foreign_days.event_date,
    {{ max_by('rates.rate', ['rates.rate_date']) }} as rate
from foreign_days
left join {{ ref('stg_currency_rates') }} as rates
    on foreign_days.currency = rates.currency and foreign_days.event_date >= rates.rate_date
group by foreign_days.currency, foreign_days.event_date
