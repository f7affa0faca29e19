-- The values of a dimension of funnel_breakdown_daily add up to funnel_daily, step for step.
with

added_up as (

    select
        event_date,
        step_number,
        dimension,
        sum(shoppers) as shoppers
    from {{ ref('funnel_breakdown_daily') }}
    group by event_date, step_number, dimension

),

dimensions as (

    select distinct dimension from added_up

)

select
    funnel.event_date,
    funnel.step_number,
    funnel.shoppers,
    dimensions.dimension,
    added_up.shoppers as added_up
from {{ ref('funnel_daily') }} as funnel
cross join dimensions
left join added_up
    on
        funnel.event_date = added_up.event_date
        and funnel.step_number = added_up.step_number
        and dimensions.dimension = added_up.dimension
where coalesce(added_up.shoppers, -1) != funnel.shoppers
