"""Runs a person's decision in a process that loads the deciding jobs and nothing else.

The process of a usual run imports the whole code location first, which takes four to five seconds of a processor: too
long for a rollback. ``python -m orchestration.deciding RUN_ID`` is what the run launcher starts instead.
"""

import os
import sys
from typing import Final

import dagster as dg

# Dagster has no public way to execute a run that exists by a job of this process; see the note in run_health.py.
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.events import EngineEventData
from dagster._core.execution.api import execute_run

from orchestration.defs.experiments.jobs import start_experiment, stop_experiment
from orchestration.defs.promotion.jobs import approve_candidate, reject_candidate, release_candidate, rollback_champion
from shopsight.settings import Settings

JOBS: Final = (
    approve_candidate,
    reject_candidate,
    release_candidate,
    rollback_champion,
    start_experiment,
    stop_experiment,
)
"""The jobs of :data:`orchestration.attribution.DECIDING_JOBS`."""


def execute(run_id: str) -> bool:
    """Execute a run of the instance that ``DAGSTER_HOME`` names, and return whether it succeeded."""
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is None:
            raise SystemExit(f"there is no run {run_id}")
        pid = {"pid": dg.MetadataValue.text(str(os.getpid()))}
        instance.report_engine_event("A process of its own decides.", run, EngineEventData(pid))
        definitions = dg.Definitions(
            jobs=JOBS,
            resources={"settings": dg.ResourceDefinition(lambda _: Settings())},
            executor=dg.in_process_executor,
        )
        return bool(execute_run(InMemoryJob(definitions.get_job_def(run.job_name)), run, instance).success)


if __name__ == "__main__":
    sys.exit(0 if execute(sys.argv[1]) else 1)
