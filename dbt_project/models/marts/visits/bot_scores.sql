with

users as (

    select * from {{ ref('int_users') }}

),

signs as (

    select
        user_id,
        events,
        pages_in_a_minute,
        pages_in_a_day,
        intents,
        purchases,
        least(pages_in_a_minute / cast({{ var('bot_pages_per_minute') }} as double), 1) as speed_score,
        least(pages_in_a_day / cast({{ var('bot_pages_per_day') }} as double), 1) as volume_score,
        case when purchases + intents = 0 then 1.0 else 0.0 end as passivity_score,
        is_bot
    from users

)

select
    user_id,
    events,
    pages_in_a_minute,
    pages_in_a_day,
    intents,
    purchases,
    speed_score,
    volume_score,
    cast(passivity_score as double) as passivity_score,
    -- Whoever bought is a shopper; of the rest, the faster of the two signs counts, halved by any sign of intent.
    case when purchases = 0 then greatest(speed_score, volume_score) * (0.5 + passivity_score / 2) else 0 end
        as bot_score,
    is_bot
from signs
