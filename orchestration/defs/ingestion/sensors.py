"""Files dropped under ``landing/<format>/`` start a refresh."""

import hashlib

import dagster as dg

from orchestration.defs.jobs import daily_refresh
from shopsight.settings import Settings


@dg.sensor(
    job=daily_refresh,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the refresh when a file appears in the landing folder.",
)
def landing_files(settings: dg.ResourceParam[Settings]) -> dg.RunRequest | dg.SkipReason:
    """Request one run per set of waiting files; the run key keeps a slow import from being asked for twice."""
    from shopsight.ingestion.landing import pending

    files = pending(settings)
    if not files:
        return dg.SkipReason("the landing folder is empty")
    stamp = "\n".join(f"{file.path}:{file.path.stat().st_mtime_ns}" for file in files)
    return dg.RunRequest(run_key=hashlib.sha256(stamp.encode()).hexdigest())
