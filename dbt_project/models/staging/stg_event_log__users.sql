{{ config(pre_hook="{{ refuse_unlisted_columns('users', 'users.parquet') }}") }}

with

users as (

    select * from {{ source('event_log', 'users') }}

),

cleaned as (

    select
        user_id,
        created_at,
        nullif(age_band, '') as age_band,
        nullif(gender, '') as gender,
        nullif(country, '') as country,
        nullif(consent, '') as consent,
        source,
        created_timestamp
    from users

)

select * from cleaned
