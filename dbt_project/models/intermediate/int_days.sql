{{ config(materialized='tracked', key='event_date') }}
{{ fingerprinted_days('events.event_date') }}
