"""Kills the collector and the landing by turns, then lets both end, and says what the event log holds."""

import contextlib
import multiprocessing
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from collector_kills.victims import collect, event, land, settings_of
from shopsight.ingestion.collecting.records import DamagedSegmentError
from shopsight.ingestion.log.event_log import EventLog
from shopsight.ingestion.log.quarantine import read_quarantine

MAX_SECONDS = 1.5
"""Longest time after its first answer that a collector lives."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of a campaign."""

    kills: int
    acknowledged: int
    lost: int
    """Acknowledged events that are neither in the log nor in the quarantine."""
    doubled: int
    """Events that are in the log more than once, or segments that became two batches."""
    unaccounted: int
    """Rows of the manifests that are neither accepted nor duplicates, corrected or quarantined."""
    failure: str = ""
    """Why what was left could not be landed."""

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.doubled or self.unaccounted or self.failure)


def campaign(home: Path, *, kills: int, seed: int, events: int = 400, defect: str = "") -> Tally:
    """Kill ``kills`` collectors under load, and landings between them.

    Args:
        home: an empty folder.
        kills: how many collectors are killed.
        seed: of the moments.
        events: that each collector is to take before it is killed, at most.
        defect: one of :data:`~collector_kills.victims.DEFECTS`, or none.
    """
    rng = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["collector_kills.victims"])
    acknowledged, waiting, sent = set[int](), list[int](), 0
    fallen = 0
    for _ in range(kills):
        numbers = [*waiting, *range(sent + 1, sent + 1 + events)]
        sent += events
        here, there = context.Pipe(duplex=False)
        collector = context.Process(target=collect, args=(home, numbers, there, defect))
        collector.start()
        there.close()
        deadline = None
        with contextlib.suppress(EOFError, OSError):
            while deadline is None or time.monotonic() < deadline:
                if here.poll(0.01):
                    acknowledged.update(here.recv())
                    deadline = deadline or time.monotonic() + rng.uniform(0, MAX_SECONDS)
        collector.kill()
        collector.join()
        with contextlib.suppress(EOFError, OSError):  # answers that were on their way
            while here.poll():
                acknowledged.update(here.recv())
        waiting = [number for number in numbers if number not in acknowledged]
        fallen += 1 + _kill_a_landing(home, defect, rng)
    failure = _finish(home, defect)
    return _tally(home, acknowledged, kills=fallen, failure=failure)


def _kill_a_landing(home: Path, defect: str, rng: random.Random) -> bool:
    """Kill a landing soon after it began, or soon after a batch of it is in the log; return whether it was alive."""
    lander = multiprocessing.get_context("forkserver").Process(target=land, args=(home, defect))
    before = _batches(home)
    lander.start()
    if rng.random() < 0.5:
        while lander.is_alive() and _batches(home) == before:
            time.sleep(0.002)
        lander.join(rng.uniform(0, 0.05))
    else:
        lander.join(rng.uniform(0.05, 0.6))
    was_alive = lander.exitcode is None
    lander.kill()
    lander.join()
    return was_alive


def _batches(home: Path) -> int:
    return len(list(settings_of(home).event_log_dir.glob("arrival_date=*/batch=*")))


def _finish(home: Path, defect: str) -> str:
    """Let a collector seal what is left open, and land everything; return why that failed."""
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe(duplex=False)
    last = context.Process(target=collect, args=(home, [], there, defect))
    last.start()
    last.join()
    here.close()
    lander = context.Process(target=land, args=(home, defect))
    lander.start()
    lander.join()
    left = sorted(path.name for path in settings_of(home).collected_dir.glob("*.sealed"))
    return f"{DamagedSegmentError.__name__} or worse: {', '.join(left)} did not land" if left else ""


def _tally(home: Path, acknowledged: set[int], *, kills: int, failure: str) -> Tally:
    settings = settings_of(home)
    log = EventLog.open(settings)
    rows = Counter(
        number
        for path in settings.event_log_dir.rglob("part-*.parquet")
        for number in pq.read_table(path)["event_id"].to_pylist()
    )
    refused = read_quarantine(settings, limit=None)["raw"].to_pylist()
    in_quarantine = {raw.split(b'"event_id":"')[1].split(b'"')[0].decode() for raw in refused}
    segments = Counter(file for manifest in log.manifests() for file in manifest["files"])
    names = {event(number)["event_id"] for number in acknowledged}
    totals = log.totals()
    parts = totals.accepted + totals.duplicates + totals.corrected + totals.quarantined
    return Tally(
        kills=kills,
        acknowledged=len(acknowledged),
        lost=len(names - rows.keys() - in_quarantine),
        doubled=sum(count > 1 for count in (*rows.values(), *segments.values())),
        unaccounted=totals.received - parts,
        failure=failure,
    )
