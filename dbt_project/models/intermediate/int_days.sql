{{ fingerprinted_days('events.event_date') }}
