"""Keys of the runs that sensors ask for: work that stays undone is asked for again, work under way is not.

Dagster starts one run per key, ever. A key that named the work alone would drop it for good once its run had failed, or
once the work had to be done a second time.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

WORK_TAG: Final = "shopsight/work"
"""Tag of a run: what it was asked to do, however often that was asked before."""

UNFINISHED: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
"""States of a run that may still do its work."""

WAIT_AFTER_FAILURE: Final = timedelta(minutes=10)
"""How long work whose run failed is left alone: what broke it rarely mends itself within seconds."""


def next_run_key(instance: dg.DagsterInstance, work: str, *, now: datetime | None = None) -> str | None:
    """Return the key of the next run of some work, or ``None`` where one is under way or failed just now.

    The first key of the work is its name; those after it are numbered.
    """
    runs = instance.get_run_records(dg.RunsFilter(tags={WORK_TAG: work}))
    if not runs:
        return work
    newest = runs[0]
    if not newest.dagster_run.is_finished:
        return None
    ended = datetime.fromtimestamp(newest.end_time or newest.update_timestamp.timestamp(), tz=UTC)
    if not newest.dagster_run.is_success and (now or datetime.now(UTC)) - ended < WAIT_AFTER_FAILURE:
        return None
    return f"{work}:{len(runs) + 1}"
