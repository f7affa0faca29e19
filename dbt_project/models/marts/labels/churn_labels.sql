{%- set horizon = var('churn_horizon_days', 28) -%}

with

days as (

    select * from {{ ref('int_user_days') }}

),

newest as (

    select max(event_date) as newest_date from days

),

-- A week apart, back from the newest day; days on which nobody came at all have no as-of date.
as_of_dates as (

    select distinct
        days.event_date,
        {{ dbt.datediff('days.event_date', 'newest.newest_date', 'day') }} as observed_days
    from days
    cross join newest
    where
        mod({{ dbt.datediff('days.event_date', 'newest.newest_date', 'day') }}, 7) = 0
        and {{ dbt.datediff('days.event_date', 'newest.newest_date', 'day') }} <= {{ var('churn_label_days', 365) }}

),

order_days as (

    select
        user_id,
        event_date,
        revenue
    from days
    where orders > 0

),

customers as (

    select
        user_id,
        min(event_date) as first_date
    from order_days
    group by user_id

),

cases as (

    select
        customers.user_id,
        as_of_dates.event_date,
        as_of_dates.observed_days
    from customers
    inner join as_of_dates on customers.first_date <= as_of_dates.event_date

),

followed as (

    select
        cases.user_id,
        cases.event_date,
        cases.observed_days,
        min({{ dbt.datediff('cases.event_date', 'order_days.event_date', 'day') }}) as days_to_next,
        sum(
            case
                when {{ dbt.datediff('cases.event_date', 'order_days.event_date', 'day') }} <= {{ horizon }}
                    then order_days.revenue
                else 0
            end
        ) as revenue_after
    from cases
    left join order_days
        on cases.user_id = order_days.user_id and cases.event_date < order_days.event_date
    group by cases.user_id, cases.event_date, cases.observed_days

)

select
    user_id,
    {{ day_end('event_date') }} as event_timestamp,
    cast(observed_days as bigint) as observed_days,
    cast(days_to_next - 1 as bigint) as days_to_next_order,
    cast(revenue_after as double) as revenue_after,
    cast({{ horizon }} as bigint) as horizon_days
from followed
