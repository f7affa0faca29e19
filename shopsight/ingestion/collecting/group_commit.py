"""One thread that judges and writes what many requests bring, so that they share one fsync."""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import duckdb
import pyarrow as pa

from shopsight.ingestion.collecting.door import Door, Judgement, Refusal
from shopsight.ingestion.collecting.records import Record

MAX_GROUP_EVENTS: Final = 2_000
"""Events that are judged at once: some 0.2 s of work."""
IDLE_SECONDS: Final = 1.0
"""How often it is looked whether a segment is old, while nothing comes."""

log = logging.getLogger(__name__)


class Keeper(Protocol):
    """Keeps records so that they outlast a loss of power."""

    def append(self, record: Record) -> None:
        """Return once the record is kept; an ``OSError`` says that it is not."""
        ...

    def seal_if_old(self) -> None:
        """Hand on what has waited for long enough."""
        ...

    def close(self) -> None:
        """Hand on everything."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the events of one request; all that was accepted or refused is kept."""

    accepted: int
    duplicates: int
    refusals: tuple[Refusal, ...]
    """Places are those in the request."""


class NotKeptError(Exception):
    """The events could not be written; none of them is kept, and they may be sent again."""


def ignore_accepted(rows: pa.RecordBatch) -> None:
    """Do nothing with accepted events."""


class GroupCommit:
    """Takes the events of requests from any thread; each group is one record.

    While a group is written the next one gathers: the more requests there are, the more share a write.
    """

    def __init__(
        self,
        door: Door,
        keeper: Keeper,
        *,
        now: Callable[[], datetime],
        on_accepted: Callable[[pa.RecordBatch], None] = ignore_accepted,
    ) -> None:
        """Begin.

        Args:
            door: judges; used by this alone from now on.
            keeper: keeps the records; closed at the end.
            now: the time.
            on_accepted: called with the rows of each group once they are kept, before their senders are answered, in
                the columns of :data:`~shopsight.ingestion.collecting.records.ACCEPTED_SCHEMA`: what is to follow an
                event at once hooks in here. It is called by the one thread that writes, so it must be quick.
        """
        self._door = door
        self._keeper = keeper
        self._now = now
        self._on_accepted = on_accepted
        self._waiting: deque[tuple[Sequence[object], Future[Outcome]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.failure: str | None = None
        """Why the last group was not kept; None while all is well."""
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def take(self, events: Sequence[object]) -> "Future[Outcome]":
        """Return what will become of the events of one request; it is done when they are kept.

        Raises, in its result:
            NotKeptError: they could not be written.
        """
        taken: Future[Outcome] = Future()
        with self._changed:
            if self._closed:
                taken.set_exception(NotKeptError("the collector has stopped"))
                return taken
            self._waiting.append((events, taken))
            self._changed.notify()
        return taken

    def close(self) -> None:
        """Keep what was taken, hand everything on, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)
        with contextlib.suppress(OSError):
            self._keeper.close()
        self._door.close()

    def _next_group(self) -> "list[tuple[Sequence[object], Future[Outcome]]]":
        """Wait for requests and return those of the next group; none at the end."""
        while True:
            with self._changed:
                if not self._waiting and not self._closed:
                    self._changed.wait(IDLE_SECONDS)
                group, size = [], 0
                while self._waiting and (not group or size + len(self._waiting[0][0]) <= MAX_GROUP_EVENTS):
                    group.append(self._waiting.popleft())
                    size += len(group[-1][0])
                if group or self._closed:
                    return group
            self._seal_if_old()

    def _seal_if_old(self) -> None:
        try:
            self._keeper.seal_if_old()
        except OSError as error:
            self.failure = str(error)

    def _commit(self, group: "list[tuple[Sequence[object], Future[Outcome]]]") -> None:
        events = [event for request, _ in group for event in request]
        try:
            judgement = self._door.judge(events, received_at=self._now())
        except (duckdb.Error, pa.ArrowException, ValueError) as error:
            if len(group) > 1:  # whatever it is, the other requests must not pay for it
                for request in group:
                    self._commit([request])
                return
            log.exception("judging a request of %d events failed", len(events))
            group[0][1].set_exception(error)
            return
        try:
            if judgement.record.accepted.num_rows or judgement.refusals or judgement.record.duplicates:
                self._keeper.append(judgement.record)
        except OSError as error:
            self.failure = str(error)
            log.error("a group of %d events was not kept: %s", len(events), error)
            for _, taken in group:
                taken.set_exception(NotKeptError(str(error)))
            return
        self.failure = None
        self._door.remember(judgement.hashes)
        if judgement.record.accepted.num_rows:
            try:
                self._on_accepted(judgement.record.accepted)
            except Exception:
                # Whatever follows an event, the event is kept, and its sender is to know.
                log.exception("what follows accepted events failed")
        for taken, outcome in _outcomes(group, judgement):
            taken.set_result(outcome)
        self._seal_if_old()


def _outcomes(
    group: "list[tuple[Sequence[object], Future[Outcome]]]", judgement: Judgement
) -> "list[tuple[Future[Outcome], Outcome]]":
    """Return to each request what is its own of a group's judgement."""
    outcomes, first = [], 0
    for request, taken in group:
        end = first + len(request)
        refusals = tuple(
            Refusal(index=one.index - first, reasons=one.reasons)
            for one in judgement.refusals
            if first <= one.index < end
        )
        duplicates = int(judgement.is_duplicate[first:end].sum())
        accepted = len(request) - len(refusals) - duplicates
        outcomes.append((taken, Outcome(accepted=accepted, duplicates=duplicates, refusals=refusals)))
        first = end
    return outcomes
