"""The block ``events``: how many events a second the collector keeps, and that all of them land."""

import itertools
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.serving.home import free_port
from benchmarks.serving.load import Answers, ask
from serving.running.launcher import ServerProcess, collector_process
from shopsight.clock import rfc3339, utc_now
from shopsight.feature_store import apply_definitions
from shopsight.ingestion.collecting.landing import land_collected
from shopsight.settings import Settings

ROUTE: Final = "/v1/events"
BATCH: Final = 100
CLIENTS: Final = 16


def measure(*, seconds: float) -> dict[str, Any]:
    """Return the figures of the collector, served as ``make up`` serves it.

    ``p50_ms``, ``p99_ms``, ``rps``, ``errors`` and ``events_per_second`` are of batches of :data:`BATCH` events by
    :data:`CLIENTS` clients; each answer follows an fsync, or with ``SHOPSIGHT_EVENT_STREAM`` the server's
    acknowledgement (of a NATS server that nobody else's events are in). ``one_event`` and ``one_batch`` are one
    client's. CPU time is the service's own, and says what the machine can do when nobody else uses it.

    Args:
        seconds: how long each load lasts.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        settings = Settings(home=Path(folder), collector_port=port)
        apply_definitions(settings)  # so that the events move features, as a shop's do
        collector = collector_process(settings)
        collector.start()
        try:
            collector.wait_until_ready()
            batches = _bodies(BATCH)
            _load(port, batches, BATCH, clients=2, seconds=min(seconds, 2.0))  # warm
            one_event = _load(port, _bodies(1), 1, clients=1, seconds=seconds)
            one_batch = _load(port, batches, BATCH, clients=1, seconds=seconds)
            cpu_before = _cpu_seconds(collector)
            many = _load(port, batches, BATCH, clients=CLIENTS, seconds=seconds)
            cpu = _cpu_seconds(collector) - cpu_before
        finally:
            collector.stop()
        started = time.perf_counter()
        receipts = land_collected(settings, received_at=datetime.now(UTC))
        landing = time.perf_counter() - started
    landed = sum(receipt.accepted for receipt in receipts)
    answered = len(one_event.took_ms) + BATCH * (len(one_batch.took_ms) + len(many.took_ms))
    return {
        **many.figures(),
        "events_per_second": _per_second(many),
        "batch": BATCH,
        "clients": CLIENTS,
        "cpu_us_per_event": round(1e6 * cpu / (BATCH * len(many.took_ms))),
        "one_event": one_event.figures(),
        "one_batch": one_batch.figures()
        | {"events_per_second": round(BATCH * len(one_batch.took_ms) / one_batch.seconds)},
        "landed": landed,
        "answered_and_not_landed": max(0, answered - landed),
        "landed_events_per_second": round(landed / landing),
    }


def _per_second(batches: Answers) -> int:
    return round(BATCH * len(batches.took_ms) / batches.seconds)


def _load(port: int, body: Callable[[], bytes], events: int, *, clients: int, seconds: float) -> Answers:
    def is_right(status: int, answer: bytes) -> bool:
        return status == 202 and json.loads(answer)["accepted"] == events

    return ask(port, ROUTE, clients=clients, seconds=seconds, body=body, is_right=is_right)


def _bodies(events: int) -> Callable[[], bytes]:
    """Return what makes requests, none of whose events is like another."""
    numbers = itertools.count()
    begun = f"{time.time_ns()}-{events}"

    def body() -> bytes:
        now = rfc3339(utc_now())
        return json.dumps({"events": [_event(f"{begun}-{next(numbers)}", now) for _ in range(events)]}).encode()

    return body


def _event(name: str, now: str) -> dict[str, Any]:
    return {
        "event_id": name,
        "event_name": "view_item",
        "event_timestamp": now,
        "user_id": f"user {hash(name) % 5_000}",
        "session_id": f"session {hash(name) % 5_000}",
        "item_id": f"item {hash(name) % 12_000}",
        "price": 19.9,
        "currency": "EUR",
        "device": "mobile",
        "page": "/shoes",
    }


def _cpu_seconds(service: ServerProcess) -> float:
    """Return the processor time that a service and its workers have used."""
    parent = psutil.Process(service.process_id)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))
