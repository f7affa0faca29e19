with

rates as (

    select * from {{ currency_rates() }}

)

select
    cast(rates.date as date) as rate_date,
    cast(rates.currency as {{ dbt.type_string() }}) as currency,
    cast(rates.rate as double) as rate
from rates
