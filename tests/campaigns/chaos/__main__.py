"""``make campaign-chaos``: fifty faults in a row on one home under load, then everything has to be back.

``COUNT`` faults drawn by ``SEED`` hit a running ``shopsight up`` while a client asks each service. Most are mended
after a few seconds, sometimes when the next ones are there already. At the end each service must answer 200 and have
nothing amiss, each answer must be in the prediction log (but for those that a full disk left no room for), nothing of
the event log may have changed, no answer may have been a 500, and `up` must leave no process behind.
"""

import argparse
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
from approved_toys import crown_toy, toys

from chaos.faults import FAULTS, Mend, mounted_small, of_home
from chaos.load import Load
from cli.demo import first_call
from models.registry.registry import ModelRegistry
from serving.packaging.bento import build_bento
from serving.prediction_log import read_log
from shopsight.families import FAMILIES
from shopsight.ports import port_settings
from shopsight.sample_shop import HERO
from shopsight.settings import Settings

SHOPSIGHT = Path(sys.executable).with_name("shopsight")
BACK_SECONDS = 240
"""Longest that everything may take to be back once all is mended."""
ALLOWED = {"200", "429", "503", "ConnectError", "ReadError", "RemoteProtocolError", "ReadTimeout", "ConnectTimeout"}
"""What a client may see while its service is hit; 500 and 502 are none of it."""


def main() -> None:
    """Make a home, hit it, and judge; exit 1 where anything is not back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="shopsight-chaos-") as folder:
        small_disk = mounted_small(Path(folder), megabytes=1_500)
        try:
            settings = _home(Path(folder))
            problems = _campaign(settings, arguments.count, rng, small_disk=small_disk)
        finally:
            if small_disk:
                subprocess.run(["umount", "-l", folder], check=False)
    for problem in problems:
        print(f"NOT BACK: {problem}")
    print(f"{arguments.count} faults, seed {arguments.seed}: {'everything is back' if not problems else 'FAILED'}")
    sys.exit(1 if problems else 0)


def _home(folder: Path) -> Settings:
    """Run the whole chain on the smallest sample shop."""
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        base = first.getsockname()[1] % 20_000 + 20_000
    os.environ.update({name: str(base + place) for place, name in enumerate(port_settings(Settings()))})
    os.environ["SHOPSIGHT_HOME"] = str(folder / "home")
    os.environ["SHOPSIGHT_TRAINING_SIZE"] = "tiny"
    subprocess.run([SHOPSIGHT, "demo", "--size", "tiny", "--no-services"], check=True, stdout=subprocess.DEVNULL)
    settings = Settings()
    for family in FAMILIES:
        if ModelRegistry.of(settings).champion(family) is None:
            # The shop is too small for this family's gate.
            folder = getattr(toys(), f"write_{family}")(settings.training_dir / family / "toy")
            build_bento(settings, family, crown_toy(settings, family, folder))
    return settings


def _campaign(settings: Settings, count: int, rng: random.Random, *, small_disk: bool) -> list[str]:
    events = _digest(settings.event_log_dir)
    log = settings.home.parent / "up.log"
    with log.open("ab") as sink:
        up = subprocess.Popen([SHOPSIGHT, "up"], stdout=sink, stderr=sink)
    load = Load(settings, HERO)
    full: list[tuple[float, float]] = []
    try:
        _require_back(settings, up)
        load.start()
        names = [name for name in FAULTS if small_disk or name != "fill_the_disk"]
        waiting: list[Mend] = []
        for number in range(count):
            name = rng.choice(names)
            began = time.time()
            waiting.append(FAULTS[name](settings, rng))
            time.sleep(rng.uniform(1, 8))
            if name == "fill_the_disk" or rng.random() < 0.7:
                _mend(waiting)
            if name == "fill_the_disk":
                full.append((began - 1, time.time() + 2))
            print(f"{number + 1:>3} {name}", flush=True)
            if up.poll() is not None:
                return [f"`up` ended with code {up.returncode}: {log.read_text()[-2000:]}"]
        _mend(waiting)
        problems = _require_back(settings, up)
        load.stop()
        problems += _judged(settings, load, full, events)
    finally:
        up.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            up.wait(timeout=120)
        up.kill()
    time.sleep(2)
    problems += [f"left behind: {process.pid} {process.cmdline()}" for process in of_home(settings)]
    return problems


def _mend(waiting: list[Mend]) -> None:
    while waiting:
        waiting.pop()()


def _require_back(settings: Settings, up: "subprocess.Popen[bytes]") -> list[str]:
    """Return what is not well after the longest time that it may take."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        problems = [problem for family in FAMILIES if (problem := _amiss(settings, family))]
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://{settings.host}:{settings.dagster_port}/server_info", timeout=5).status_code != 200:
                problems.append("the web UI does not answer")
        if not problems or time.monotonic() > deadline or up.poll() is not None:
            return problems
        time.sleep(1)


def _amiss(settings: Settings, family: str) -> str:
    call = first_call(settings, FAMILIES[family], HERO)
    try:
        answer = httpx.post(call.url, json=call.body, timeout=10)
        ready = httpx.get(f"{call.url.split('/v1/')[0]}/readyz", timeout=10).json()
    except (httpx.HTTPError, ValueError) as error:
        return f"{family}: {type(error).__name__}"
    notes = [note for note in ready["notes"] if "data end" not in note and "last failure: mended" not in note]
    return "" if answer.status_code == 200 and not notes else f"{family}: {answer.status_code}, {notes}"


def _judged(settings: Settings, load: Load, full: list[tuple[float, float]], events: str) -> list[str]:
    problems = []
    for family, outcomes in load.outcomes.items():
        print(f"{family:<16} {dict(outcomes)}")
        if strange := set(outcomes) - ALLOWED:
            problems.append(f"{family} answered {strange}")
        log = read_log(settings.predictions_dir / family)
        logged = Counter(row.get("prediction_id") or row.get("recommendation_id") for row in log.rows)
        lost = [
            id_
            for at, id_ in load.answered[family]
            if id_ not in logged and not any(start <= at <= end for start, end in full)
        ]
        if lost:
            problems.append(f"{family}: {len(lost)} of {len(load.answered[family])} answers are not in the log")
        if not load.answered[family]:
            problems.append(f"{family} never answered")
        if log.damaged and not full:
            problems.append(f"{family}: damaged rows {log.damaged[:3]}")
    if _digest(settings.event_log_dir) != events:
        problems.append("the event log changed")
    return problems


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        total.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()


if __name__ == "__main__":
    main()
