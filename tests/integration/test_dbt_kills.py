"""A run of the warehouse that is killed, wherever and however often, loses nothing and makes nothing twice."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from batches import land, read_marts
from random_history import FIRST_DAY, a_history, a_user, an_item

from shopsight.settings import Settings
from shopsight.warehouse import run_dbt

KILLS = int(os.environ.get("SHOPSIGHT_WAREHOUSE_KILLS", "5"))
"""Runs that are killed: few here, 200 in `make campaign-kills`."""
DELIVERIES = 2
"""After the first, whose build is killed, too."""
MODELS = 75
"""A kill falls into one of so many; there are some more."""
CHUNKS = "{chunk_events: 50}"
"""Large models are made in many chunks, so that kills fall between them."""
RUN = (
    "import sys; from shopsight.settings import Settings; from shopsight.warehouse import run_dbt; "
    f"run_dbt(Settings(), 'run', '--vars', '{CHUNKS}', *sys.argv[1:])"
)


def begun_models(settings: Settings, since: float) -> int:
    """Return how many models a run has begun to make: dbt writes down the SQL of each just before."""
    written = (settings.warehouse_path.parent / "dbt_target" / "run").rglob("*.sql")
    return sum(path.stat().st_mtime > since for path in written)


def run_and_kill(settings: Settings, rng: random.Random) -> bool:
    """Kill a run some milliseconds after one of its models has begun; return whether it was still at it."""
    last = rng.randrange(1, MODELS)
    anew = ["--full-refresh"] if rng.random() < 0.25 else []
    since = time.time()
    started = subprocess.Popen([sys.executable, "-c", RUN, *anew], start_new_session=True, stdout=subprocess.DEVNULL)
    while started.poll() is None and begun_models(settings, since) < last:
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.15))
    was_running = started.poll() is None
    if was_running:
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    return was_running


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(max(KILLS // 5, 1)))
def test_killed_runs_leave_what_a_full_refresh_makes(dbt_home: Settings, seed: int) -> None:
    rng = random.Random(seed)
    history = a_history(seed)
    rng.shuffle(history)
    deliveries = [history[:200], *(history[200 + number :: DELIVERIES] for number in range(DELIVERIES))]
    killed = 0
    for number, events in enumerate(deliveries):
        day = FIRST_DAY + timedelta(days=20 * number)
        land(
            dbt_home,
            str(number),
            events=events,
            items=[an_item(f"i{item}", f"Home > {rng.randrange(3)}", day) for item in range(8)],
            users=[a_user(f"u_{user}", rng.choice(("none", "analytics_only", "granted")), day) for user in range(4)],
        )
        for _ in range(1 if number == 0 else 2):
            killed += run_and_kill(dbt_home, rng)
        run_dbt(dbt_home, "run", "--vars", CHUNKS, "--no-write-json")
    assert killed > 0
    after = read_marts(dbt_home)
    run_dbt(dbt_home, "run", "--full-refresh", "--no-write-json")
    whole = read_marts(dbt_home)
    assert after.keys() == whole.keys()
    assert [mart for mart in after if after[mart] != whole[mart]] == []
