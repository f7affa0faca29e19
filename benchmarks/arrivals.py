"""How far the marts are behind a shop whose events never stop, and whether they are right in the end.

``python -m benchmarks.arrivals --rate 1000 --minutes 10 --json -`` prints one JSON document. A home gets a history of
generated events and a whole build. Then a thread lands what has happened since its last batch, every ``--land-every``
seconds, and the build that the product runs (incremental, with the tests of the data) starts every ``--every`` seconds,
or as soon as the one before it has ended. It ends with the first build that holds every event. A second home is then
built from nothing out of the same log, and every mart is compared row by row.

``behind_seconds`` is, over all events that arrived, the time from the rename of their batch into the log to the rename
of the manifest that names the first marts with them; ``since_event_seconds`` begins when the event happened.
``cpu_seconds`` and ``peak_mib`` are the builds', each a process of its own; ``landing_cpu_seconds`` the landing's.

A session goes on for up to twelve minutes, so a batch is mostly of sessions that earlier batches began. Those that are
under way when the stream begins have their first events in the history.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from benchmarks.warehouse import step, unequal
from shopsight.generated_log import EVENTS_PER_SESSION, GeneratedLog
from shopsight.generated_log.landing import CHUNK_SESSIONS, SOURCE
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.readers.chunks import RawChunk, chunk_of_rows
from shopsight.marts import MANIFEST, export_path, mart_at, mart_names, open_duckdb
from shopsight.settings import Settings

MAX_SESSION_SECONDS: Final = 720
"""Seconds from a generated session's first event to its last, at most."""
LOG_ENDS: Final = datetime(2026, 4, 1, 0, 12, tzinfo=UTC)
"""No generated event is later."""
ROWS_PER_CHUNK: Final = 100_000
Figures = dict[str, Any]
MIN_HISTORY: Final = 1_000
"""Events of sessions that are over when the stream begins, at least."""

STREAM: Final = """
    with numbered as (
        select *, cast(substr(event_id, 2) as bigint) // $events_per_session as number from drawn
    )
    select
        * exclude (number),
        $first_start + number / $sessions_per_second
            + epoch(event_timestamp - min(event_timestamp) over (partition by number)) as second
    from numbered
    order by second
"""
"""The drawn sessions one after the other at an even rate, each event with its second of the stream."""
MOVED: Final = """
    select * replace (event_timestamp + $by as event_timestamp, created_timestamp + $by as created_timestamp) from drawn
"""
HAPPENED: Final = """
    select * exclude (second) replace (
        $begins + to_microseconds(cast(second * 1e6 as bigint)) as event_timestamp,
        cast(null as timestamptz) as created_timestamp
    ), second
    from read_parquet($file) where second >= $since and second < $until
"""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What was landed at once."""

    batch_id: str
    landed_at: float
    """When it was renamed into the log, in seconds since 1970."""
    happened_at: NDArray[np.float64]
    """When each of its events happened, in the same seconds."""


class Stream:
    """A generated shop whose sessions begin at an even rate, and what of them has happened by a moment."""

    def __init__(self, settings: Settings, *, history: int, rate: int, seconds: float) -> None:
        """Draw the sessions.

        Args:
            settings: where the event log is.
            history: events before the stream begins.
            rate: events a second.
            seconds: how long the stream lasts.
        """
        streamed = int(rate * (MAX_SESSION_SECONDS + seconds))
        self.seconds = seconds
        self._settings = settings
        self._history_events = history
        self._log = GeneratedLog(events=history + MIN_HISTORY + streamed)
        self._first_of_history = streamed // EVENTS_PER_SESSION
        self._file = settings.home / "stream.parquet"
        settings.home.mkdir(parents=True, exist_ok=True)
        with utc_connection() as connection:
            connection.register("drawn", self._log.event_rows(connection, 0, self._first_of_history))
            numbers = {
                "events_per_session": EVENTS_PER_SESSION,
                "first_start": -MAX_SESSION_SECONDS,
                "sessions_per_second": rate / EVENTS_PER_SESSION,
            }
            connection.sql(STREAM, params=numbers).write_parquet(str(self._file), row_group_size=ROWS_PER_CHUNK)

    def land_history(self, *, now: datetime) -> int:
        """Land what happened before, up to ``now``; return how many events that is."""
        with utc_connection() as connection:
            receipt = self._land(self._history(connection, now), received_at=now)
        return receipt.accepted

    def land(self, *, begins: datetime, since: float, until: float) -> Batch:
        """Land what happened between two seconds after the stream began."""
        with utc_connection() as connection:
            rows = self._happened(connection, begins, since, until)
        happened_at = begins.timestamp() + rows["second"].to_numpy()
        chunk = chunk_of_rows(rows.drop_columns(["second"]), first_line=1, file_name="events.parquet")
        receipt = self._land(iter([chunk]), received_at=datetime.now(UTC))
        return Batch(batch_id=receipt.batch_id, landed_at=time.time(), happened_at=happened_at)

    def _land(self, chunks: Iterator[RawChunk], *, received_at: datetime) -> Receipt:
        receipt = EventLog.open(self._settings).land(
            chunks, source_name=SOURCE, received_at=received_at, format_name=SOURCE
        )
        if receipt.accepted != receipt.received:
            raise RuntimeError(f"{receipt.accepted} of {receipt.received} events were accepted: {receipt.reasons}")
        return receipt

    def _history(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> Iterator[RawChunk]:
        """Yield items, shoppers, sessions that are over, and the first events of those that are under way."""
        yield chunk_of_rows(self._log.item_rows(connection), first_line=1, table="items", file_name="items.parquet")
        yield chunk_of_rows(self._log.user_rows(connection), first_line=1, table="users", file_name="users.parquet")
        under_way = self._happened(connection, now, -MAX_SESSION_SECONDS, 0).drop_columns(["second"])
        over = max(self._history_events - len(under_way), MIN_HISTORY) // EVENTS_PER_SESSION
        end = self._first_of_history + over
        by = now - LOG_ENDS - timedelta(minutes=1)
        for first in range(self._first_of_history, end, CHUNK_SESSIONS):
            drawn = self._log.event_rows(connection, first, min(first + CHUNK_SESSIONS, end))
            connection.register("drawn", drawn)
            yield chunk_of_rows(connection.sql(MOVED, params={"by": by}).to_arrow_table(), first_line=1)
        for start in range(0, len(under_way), ROWS_PER_CHUNK):
            yield chunk_of_rows(under_way.slice(start, ROWS_PER_CHUNK), first_line=1)

    def _happened(
        self, connection: duckdb.DuckDBPyConnection, begins: datetime, since: float, until: float
    ) -> pa.Table:
        """Return the events between two seconds of a stream that began then, with a column ``second``."""
        parameters = {"file": str(self._file), "begins": begins, "since": since, "until": until}
        return connection.sql(HAPPENED, params=parameters).to_arrow_table()


def measure(folder: Path, *, history: int, rate: int, seconds: float, every: float, land_every: float) -> Figures:
    """Return every figure by name.

    Args:
        folder: an empty one; what is made stays there.
        history: events before the first arrives.
        rate: events that arrive in a second.
        seconds: how long they do.
        every: seconds from the start of one build to that of the next.
        land_every: seconds from one batch to the next.
    """
    settings, other = Settings(home=folder / "home"), Settings(home=folder / "other")
    stream = Stream(settings, history=history, rate=rate, seconds=seconds)
    before = stream.land_history(now=datetime.now(UTC))
    _say(f"a history of {before:,} events has landed; the first build begins")
    first = step("refresh", settings.home)
    _say(f"it took {first['wall_seconds']:.0f} s; now {rate:,} events a second arrive")
    landing_cpu = time.process_time()
    batches, published_at, runs = _follow(stream, settings, every=every, land_every=land_every)
    landing_cpu = time.process_time() - landing_cpu
    _say("every event is in the marts; the same log is built from nothing")
    other.home.mkdir()
    other.event_log_dir.symlink_to(settings.event_log_dir.absolute())
    step("build", other.home)
    behind = [np.full(len(one.happened_at), published_at[one.batch_id] - one.landed_at) for one in batches]
    since_event = [published_at[one.batch_id] - one.happened_at for one in batches]
    return {
        "rate": rate,
        "minutes": round(seconds / 60, 2),
        "history": before,
        "events_arrived": sum(len(one.happened_at) for one in batches),
        "batches": len(batches),
        "runs": len(runs),
        "behind_seconds": _percentiles(behind),
        "since_event_seconds": _percentiles(since_event),
        "compared_marts": len(mart_names(settings)),
        "unequal_marts": unequal_marts(settings, other),
        "cpu_seconds": round(sum(run["cpu_seconds"] for run in runs), 1),
        "peak_mib": max(run["peak_mib"] for run in runs),
        "landing_cpu_seconds": round(landing_cpu, 1),
        "first_build": first,
        "each_run": runs,
    }


def _follow(
    stream: Stream, settings: Settings, *, every: float, land_every: float
) -> tuple[list[Batch], dict[str, float], list[Figures]]:
    """Land the stream beside builds until one of these holds its last event.

    Returns:
        The batches; when each was first in the published marts, in seconds since 1970; and the figures of each build.
    """
    begins, stopping, batches = datetime.now(UTC), threading.Event(), list[Batch]()
    published_at: dict[str, float] = {}
    runs: list[Figures] = []
    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(_keep_landing, stream, batches, begins=begins, every=land_every, stopping=stopping)
        try:
            while not landing.done() or any(one.batch_id not in published_at for one in batches):
                _wait(begins.timestamp() + every * (1 + len(runs)), landing)
                started = time.time()
                run = step("refresh", settings.home)
                at = (settings.exports_dir / MANIFEST).stat().st_ctime
                new = held_batches(settings) - published_at.keys()
                published_at |= dict.fromkeys(new, at)
                taken = [one for one in list(batches) if one.batch_id in new]
                figures = {
                    "started": round(started - begins.timestamp(), 1),
                    "published": round(at - begins.timestamp(), 1),
                    "events": sum(len(one.happened_at) for one in taken),
                    "max_behind_seconds": round(max((at - one.landed_at for one in taken), default=0.0), 1),
                }
                runs.append(figures | {name: run[name] for name in ("wall_seconds", "cpu_seconds", "peak_mib")})
                _say(", ".join(f"{name} {value:,}" for name, value in runs[-1].items()))
        finally:
            stopping.set()
        landing.result()
    return batches, published_at, runs


def _keep_landing(
    stream: Stream, batches: list[Batch], *, begins: datetime, every: float, stopping: threading.Event
) -> None:
    """Land what has happened, as often as asked for, until the stream ends or is stopped."""
    since = 0.0
    while since < stream.seconds:
        due = begins.timestamp() + min(since + every, stream.seconds)
        if stopping.wait(max(due - time.time(), 0)):
            return
        until = min(time.time() - begins.timestamp(), stream.seconds)
        batches.append(stream.land(begins=begins, since=since, until=until))
        since = until


def _wait(moment: float, landing: "Future[None]") -> None:
    """Wait for a moment in seconds since 1970; no longer where the landing has failed."""
    while (left := moment - time.time()) > 0:
        if landing.done():
            landing.result()
        time.sleep(min(left, 0.2))


def held_batches(settings: Settings) -> set[str]:
    """Return the batches of the event log that the last build took."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        return {
            batch for (batch,) in connection.execute("select distinct batch from intermediate.int_events").fetchall()
        }


def unequal_marts(left: Settings, right: Settings) -> list[str]:
    """Return the marts of which two homes do not have the same rows."""
    names = mart_names(left)
    if names != mart_names(right):
        raise RuntimeError(f"one home has other marts: {sorted(set(names) ^ set(mart_names(right)))}")
    with open_duckdb() as connection:
        return [
            name
            for name in names
            if unequal(connection, *(mart_at(export_path(home, name)).rows() for home in (left, right)))
        ]


def _percentiles(parts: list[NDArray[np.float64]]) -> dict[str, float]:
    seconds = np.concatenate(parts)
    p50, p95 = np.percentile(seconds, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "max": round(float(seconds.max()), 1)}


def _say(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Print the figures; leave with 1 where a mart differs in the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--minutes", type=float, default=10, help="how long they arrive")
    parser.add_argument("--history", type=int, default=1_000_000, help="events before the first of them")
    parser.add_argument("--every", type=float, default=60, help="seconds from one build's start to the next one's")
    parser.add_argument("--land-every", type=float, default=10, help="seconds from one batch to the next")
    add_json_option(parser)
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(
                Path(folder),
                history=asked.history,
                rate=asked.rate,
                seconds=asked.minutes * 60,
                every=asked.every,
                land_every=asked.land_every,
            )
    except KeyboardInterrupt:
        raise SystemExit("stopped; what was made is removed") from None
    write_figures(figures, asked.json)
    raise SystemExit(bool(figures["unequal_marts"]))


if __name__ == "__main__":
    main()
