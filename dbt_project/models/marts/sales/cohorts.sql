with

days as (

    select * from {{ ref('int_visit_days') }}

),

firsts as (

    select
        user_id,
        min(event_date) as first_visit,
        min(event_date) filter (where purchases > 0) as first_purchase
    from days
    group by user_id

),

activity as (

    {% for cohort, condition in [('first_visit', 'true'), ('first_purchase', 'days.purchases > 0')] -%}
    {% for period in ['week', 'month'] -%}
    select
        '{{ cohort }}' as cohort,
        '{{ period }}' as period,
        cast({{ dbt.date_trunc(period, 'firsts.' ~ cohort) }} as date) as cohort_start,
        cast({{ dbt.date_trunc(period, 'days.event_date') }} as date) as period_start,
        count(distinct days.user_id) as shoppers,
        cast(sum(days.purchases) as bigint) as purchases,
        cast(sum(days.revenue) as decimal(18, 4)) as revenue
    from days
    inner join firsts on days.user_id = firsts.user_id
    where {{ condition }}
    group by
        {{ dbt.date_trunc(period, 'firsts.' ~ cohort) }},
        {{ dbt.date_trunc(period, 'days.event_date') }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- All members of a cohort are active in its first period, for that is what makes them members.
sized as (

    select
        *,
        max(case when period_start = cohort_start then shoppers end) over (
            partition by cohort, period, cohort_start
        ) as cohort_size
    from activity

)

select
    cohort,
    period,
    cohort_start,
    cast(case period
        when 'week' then {{ dbt.datediff('cohort_start', 'period_start', 'day') }} / 7
        else {{ dbt.datediff('cohort_start', 'period_start', 'month') }}
    end as integer) as period_number,
    cohort_size,
    shoppers,
    shoppers / cast(cohort_size as double) as retention_rate,
    purchases,
    revenue
from sized
