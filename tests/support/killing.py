"""Campaign R1: `kill -9` of the whole process tree in the middle of the chain, and what a home holds afterwards."""

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from running import SHOPSIGHT

from orchestration.instance import open_instance
from shopsight.contracts import EXPORTED_MARTS
from shopsight.marts import open_marts
from shopsight.settings import Settings

STAGES = (
    "event_log",
    "warehouse",
    "online_features",
    "recommender_training_set",
    "recommender_candidate",
    "purchase_intent_candidate",
    "recommender_champion",
)
"""A kill falls some moments after one of these has ended, that is, within the next one."""


def kill_import(settings: Settings, environment: Mapping[str, str], *, rng: random.Random) -> None:
    """Import the sample shop and kill that within half a second of the moment when it begins to write."""
    started = _start(["import", "sample"], environment)
    while started.poll() is None and not list(settings.event_log_dir.glob(".staging/*/*")):
        time.sleep(0.005)
    time.sleep(rng.uniform(0, 0.5))
    _kill(started)


def kill_after_stage(
    stage: str, arguments: Sequence[str], environment: Mapping[str, str], *, rng: random.Random
) -> None:
    """Start ``shopsight`` and kill it a random moment after it said that ``stage`` has ended."""
    started = _start(arguments, environment)
    assert started.stderr is not None
    said = []
    for line in started.stderr:
        said.append(line)
        if f"✓ {stage} " in line:
            break
    else:
        raise AssertionError(f"the stage {stage} never ended:\n{''.join(said)}")
    time.sleep(rng.uniform(0, 5))
    _kill(started)


def digests(settings: Settings) -> dict[str, str]:
    """Return a digest per exported mart and per table of the online store: all columns, the rows in any order."""
    with open_marts(settings) as connection:
        digest_of = {mart: _digest(connection.execute(f"from {mart}").fetchall()) for mart in EXPORTED_MARTS}
    online = sqlite3.connect(settings.feature_store_dir / "online.db")
    for (table,) in online.execute("select name from sqlite_master where type = 'table'").fetchall():
        columns = [column for _, column, *_ in online.execute(f'pragma table_info("{table}")')]
        if table.endswith("_embedding"):
            # When a model placed somebody, and which of several equal versions, is the run's own.
            columns = [name for name in columns if not name.endswith(("_us", "_model_version"))]
        if table == "notes":
            columns.remove("note")  # it names the parts of the marts, and no name is used twice
        named = ", ".join(f'"{name}"' for name in columns)
        digest_of[f"online {table}"] = _digest(online.execute(f'select {named} from "{table}"').fetchall())
    online.close()
    return digest_of


def unfinished_runs(settings: Settings) -> list[str]:
    """Return the runs that Dagster believes to be in progress, and those that hold a slot of a pool."""
    with open_instance(settings) as instance:
        active = [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES))]
        return [*active, *instance.event_log_storage.get_concurrency_run_ids()]


def _start(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SHOPSIGHT, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _kill(started: subprocess.Popen[str]) -> None:
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert started.stderr is not None
    started.stderr.close()


def _digest(rows: Iterable[tuple[Any, ...]]) -> str:
    # Sums of floats depend on the order of threads in their last digit.
    rounded = sorted(
        repr(tuple(float(f"{value:.9g}") if isinstance(value, float) else value for value in row)) for row in rows
    )
    return hashlib.sha256("\n".join(rounded).encode()).hexdigest()
