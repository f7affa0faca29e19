{{ config(materialized='tracked', key='event_date') }}
-- Where the shop's zone changes, events move to other days, whose fingerprints tell so.
{{ fingerprinted_days(shop_date('events.event_timestamp')) }}
