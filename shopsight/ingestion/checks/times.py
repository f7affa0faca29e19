"""Clocks that are wrong."""

from typing import Final

from shopsight.ingestion.checks.questions import Question

MONTH: Final = "epoch_us(event_timestamp) // 2629746000000"
"""SQL for a month of average length, as a number: truncating a time in a zone takes ten times as long."""

TIME_QUESTIONS: Final = (
    Question(
        name="times_in_future",
        broken="""
            select place, event_name, event_timestamp from events
            where event_timestamp > $received_at + interval 5 minutes
        """,
        out_of="select count(*) from events",
        unit="rows",
        meaning="the event lies in the future, by up to a day",
        why="Times may be local times that were sent as UTC, which moves every event by hours.",
        fix="Send times with their zone, or name the zone in the mapping.",
        warn_above=0.001,
    ),
    Question(
        name="received_before_it_happened",
        needs=("created_timestamp",),
        broken="""
            select place, event_name, event_timestamp, created_timestamp from events
            where created_timestamp < event_timestamp - interval 5 minutes
        """,
        out_of="select count(created_timestamp) from events",
        unit="rows",
        meaning="the event was received more than five minutes before it happened",
        why="A clock of a device or a server is wrong, and with it what was known when, which training relies on.",
        fix="Send the server's time as created_timestamp, and correct a device's clock by it.",
        warn_above=0.01,
    ),
    Question(
        name="times_far_off",
        broken=f"""
            with months as (
                select {MONTH} as month, count(*) as events from events group by 1
            ),
            counted as (
                select month, sum(events) over (order by month) <= sum(events) over () / 2 as is_early from months
            ),
            neighbours as (
                select
                    month,
                    lag(month) over (order by month) as month_before,
                    lag(is_early) over (order by month) as was_early
                from counted
            ),
            -- Where two years are empty, the smaller part of the file is far off, on whichever side it lies.
            edges as (
                select
                    max(month_before) filter (where was_early) as last_early,
                    min(month) filter (where not was_early) as first_late
                from neighbours
                where month > month_before + 24
            )
            select place, event_name, event_timestamp from events, edges
            where {MONTH} <= last_early or {MONTH} >= first_late
        """,
        out_of="select count(*) from events",
        unit="rows",
        meaning="the event lies two years or more away from the rest of the file",
        why="A default such as 2000-01-01 or a clock that was never set moves cohorts, recency and the first day.",
        fix="Leave these rows out, or send the time at which they were received.",
    ),
)
