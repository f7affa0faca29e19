"""Files dropped under ``landing/<format>/``, and events that the collector has sealed, start a refresh."""

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dagster as dg

from orchestration.defs.jobs import daily_refresh
from orchestration.run_keys import UNFINISHED, WORK_TAG, next_run_key
from shopsight.settings import Settings

COLLECTED: Final = {"shopsight/collected": "yes"}
"""Tag of a refresh that the collector's events asked for."""


@dg.sensor(
    job=daily_refresh,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the refresh when a file appears in the landing folder.",
)
def landing_files(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request one run per set of waiting files, known by their content; a slow import is not asked for twice."""
    from shopsight.ingestion.landing import pending

    files = pending(settings)
    if not files:
        return dg.SkipReason("the landing folder is empty")
    stamp = "\n".join(f"{path}:{digest}" for file in files for part in file.files for path, digest in _contents(part))
    work = f"landing:{hashlib.sha256(stamp.encode()).hexdigest()}"
    key = next_run_key(context.instance, work)
    if key is None:
        return dg.SkipReason("these files are being imported, or their import failed minutes ago")
    return dg.RunRequest(run_key=key, tags={WORK_TAG: work})


@dg.sensor(
    job=daily_refresh,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the refresh when the collector has sealed events.",
)
def sealed_segments(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request one run per set of waiting segments; while a refresh lands some, those sealed meanwhile wait for it."""
    from shopsight.ingestion.collecting.landing import waiting_segments

    names = waiting_segments(settings)
    if not names:
        return dg.SkipReason("the collector has sealed nothing")
    if context.instance.get_run_records(dg.RunsFilter(tags=COLLECTED, statuses=UNFINISHED), limit=1):
        return dg.SkipReason("a refresh with collected events is running; what was sealed since waits for it")
    work = f"collected:{names[0]}"
    key = next_run_key(context.instance, work)
    if key is None:
        return dg.SkipReason("landing these events failed minutes ago")
    return dg.RunRequest(run_key=key, tags={WORK_TAG: work, **COLLECTED})


def _contents(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file of an import with the hash of its content."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_symlink():  # the import refuses it: what it leads to is never read
            yield file, "a link"
        elif file.is_file():
            status = file.stat()
            yield file, _digest(file, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@functools.lru_cache(maxsize=1024)
def _digest(path: Path, *_state: int) -> str:
    """Return the SHA-256 of a file; a file in the same state, which no writer can forge whole, is not read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
