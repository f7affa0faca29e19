"""When jobs run by themselves; both schedules are on from the start and can be stopped in the web UI."""

import dagster as dg

from orchestration.defs.jobs import daily_refresh, weekly_retraining

every_night = dg.ScheduleDefinition(
    name="every_night",
    job=daily_refresh,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The day that ended reaches the warehouse and the online store by 03:00 UTC.",
)
every_week = dg.ScheduleDefinition(
    name="every_week",
    job=weekly_retraining,
    cron_schedule="0 4 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Candidates from the week's behaviour, on Monday at 04:00 UTC, after the nightly refresh.",
)
