"""The two processes that are killed, a collector with its senders and a landing; and defects to be planted in them."""

import itertools
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from shopsight.ingestion.collecting import group_commit, journal, landing
from shopsight.ingestion.collecting.group_commit import Request
from shopsight.ingestion.collecting.opening import open_commit
from shopsight.ingestion.log.event_log import EventLog
from shopsight.settings import Settings

DEFECTS: Final = ("answers before it writes", "keeps a torn tail", "lands a segment twice")
SENDERS: Final = 4
EVENTS_PER_REQUEST: Final = 5
PIECE: Final = 1_000
PIECE_SECONDS: Final = 0.02


def settings_of(home: Path) -> Settings:
    """Return settings whose segments are sealed every few requests, so that a landing has some."""
    return Settings(home=home, pseudonym_key=SecretStr("a key for tests only"), segment_bytes=60_000)


def event(number: int) -> dict[str, Any]:
    """Return an event; every tenth is refused."""
    name = "zzz" if number % 10 == 0 else "view_item"
    return {
        "event_id": f"e{number}",
        "event_name": name,
        "event_timestamp": "2026-05-01T11:59:00Z",
        "user_id": f"u{number % 7}",
        "item_id": "i_1",
    }


def collect(home: Path, numbers: Sequence[int], acknowledged: Connection, defect: str) -> None:
    """Send events to a collector until none is left or the process is killed; say which were acknowledged.

    Args:
        home: where the journal is.
        numbers: of the events to send; those of an earlier collector that were not acknowledged are sent again.
        acknowledged: takes the numbers of each request that was answered.
        defect: one of :data:`DEFECTS`, or none.
    """
    _slow_disk()
    if defect == "answers before it writes":
        _answer_first()
    if defect == "keeps a torn tail":
        journal.whole_records = len  # type: ignore[assignment, attr-defined]
    commit = open_commit(settings_of(home), now=lambda: datetime.now(UTC))
    left, lock = iter(numbers), threading.Lock()

    def send() -> None:
        while True:
            with lock:
                request = list(itertools.islice(left, EVENTS_PER_REQUEST))
            if not request:
                return
            commit.take(Request(events=[event(number) for number in request])).result(60)
            with lock:
                acknowledged.send(request)

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    commit.close()


def land(home: Path, defect: str) -> None:
    """Land what is sealed."""
    if defect == "lands a segment twice":
        real = EventLog.land

        def anew(self: EventLog, *arguments: Any, **options: Any) -> Any:
            return real(self, *arguments, **options | {"batch_id": None})

        EventLog.land = anew  # type: ignore[method-assign]
    forget = journal.forget

    def slowly(segment: Path, **options: Any) -> None:
        time.sleep(0.05)  # many kills are to fall between the batch and the end of its segment
        forget(segment, **options)

    landing.forget = slowly  # type: ignore[attr-defined]
    landing.land_collected(settings_of(home), received_at=datetime.now(UTC))


def _slow_disk() -> None:
    """Write in pieces, so that many kills fall in the middle of a record."""

    def write_all(file: int, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            os.write(file, data[start : start + PIECE])
            time.sleep(PIECE_SECONDS)

    journal._write_all = write_all  # noqa: SLF001 - the one place where a record is written


def _answer_first() -> None:
    real = group_commit.GroupCommit.take

    def take(self: group_commit.GroupCommit, request: Request) -> Future[Any]:
        real(self, request)
        answered: Future[Any] = Future()
        answered.set_result(None)
        return answered

    group_commit.GroupCommit.take = take  # type: ignore[method-assign]
