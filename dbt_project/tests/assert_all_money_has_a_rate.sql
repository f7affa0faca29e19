-- Money in other currencies than the reporting one is only added up where currency_rates.csv has a rate for its day.
{{ config(severity='warn') }}

select
    currency,
    count(*) as orders,
    sum(gross_revenue) as gross_revenue
from {{ ref('unconverted_revenue') }}
group by currency
