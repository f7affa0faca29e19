"""Launches runs, and finds those whose process is gone, so that a kill never leaves a run "in progress".

Dagster's default launcher cannot tell a killed run from a busy one: after a kill of the whole process tree the run
stays STARTED and keeps its slot of the pool ``duckdb``, and every later run waits for it. Both ways to run (the command
line, and the code server under ``make up``) note their process id in the run's log, so it can be looked up here.
"""

import subprocess
import sys
import threading
from collections.abc import Iterable

import dagster as dg
import psutil
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus

# Dagster has no public launcher to extend. pyproject.toml pins dagster below 1.14, and
# tests/unit/orchestration/test_resources.py fails where a newer one moves these names or asks them otherwise.
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, LaunchRunContext, WorkerStatus

from orchestration.attribution import DECIDING_JOBS
from shopsight.settings import REPO_ROOT

CLOCK_SECONDS = 1.0
"""How much earlier than its process the event may seem to be: the two are timed by different clocks."""


class HealthCheckedRunLauncher(DefaultRunLauncher):
    """The default launcher, which also knows whether a run's process still lives; the run monitor asks it.

    A run in which a person decides has a process that is there in a second (:mod:`orchestration.deciding`).
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's process."""
        run = context.dagster_run
        if run.job_name not in DECIDING_JOBS:
            super().launch_run(context)
            return
        process = subprocess.Popen([sys.executable, "-m", "orchestration.deciding", run.run_id], cwd=REPO_ROOT)
        threading.Thread(target=process.wait, daemon=True).start()  # or it would stay behind as a zombie

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Let the run monitor ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return FAILED for a run whose process is gone; the monitor then fails the run, and the retry policy acts."""
        if is_lost(self._instance, run):
            return CheckRunHealthResult(WorkerStatus.FAILED, "the run's process is gone: killed, or the machine was")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def is_lost(instance: dg.DagsterInstance, run: DagsterRun) -> bool:
    """Return whether the run's process has ended; a run that noted no process yet is not lost."""
    noted = [
        (int(str(event.dagster_event.engine_event_data.metadata["pid"].value)), event.timestamp)
        for event in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
        if event.dagster_event is not None and "pid" in event.dagster_event.engine_event_data.metadata
    ]
    return bool(noted) and not _is_alive(*noted[-1])


def end_lost_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail every started run whose process is gone, free its pool slots, and return the runs' ids."""
    ended = []
    for run in _started(instance):
        if is_lost(instance, run):
            instance.report_run_failed(run, "The run's process is gone: it was killed. What it finished is kept.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def _started(instance: dg.DagsterInstance) -> Iterable[DagsterRun]:
    return instance.get_runs(dg.RunsFilter(statuses=[DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]))


def _is_alive(pid: int, since: float) -> bool:
    """Return whether the process that noted ``pid`` at ``since`` (seconds since 1970) runs; pids are used again."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= since + CLOCK_SECONDS)
    except psutil.NoSuchProcess:
        return False
