"""Judges and writes what many requests bring, so that they share one fsync."""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

import pyarrow as pa

from shopsight.ingestion.collecting.door import Door, Judgement, Refusal
from shopsight.ingestion.collecting.gathering import Gathering, GroupError, do_nothing
from shopsight.ingestion.collecting.items import NO_ITEMS, ItemChange, ItemDoor, ItemJudgement
from shopsight.ingestion.collecting.records import Record

MAX_GROUP_EVENTS: Final = 2_000
"""Events that are judged at once: some 0.2 s of work."""

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
class Request:
    """What one request brings."""

    events: Sequence[object] = ()
    """Objects in canonical columns, and whatever else was sent in the place of one."""
    left_out: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Events that are refused already, by their place, with the reasons."""
    items: tuple[ItemChange, ...] = ()
    """What it says of the catalogue."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one request; all that was accepted or refused is kept."""

    accepted: int
    duplicates: int
    refusals: tuple[Refusal, ...]
    """Places are those in the request."""
    items: int = 0
    """Descriptions of items that are kept, and hold."""
    item_refusals: tuple[Refusal, ...] = ()
    """Places are those among the request's items."""


class NotKeptError(GroupError):
    """The events could not be written; none of them is kept, and they may be sent again."""


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What became of one group, in numbers."""

    accepted: int
    duplicates: int
    rejected: int
    items: int
    seconds: float
    """What it took to keep it."""


class CommitReport(Protocol):
    """Hears of every group."""

    def wrote(self, committed: Committed, /) -> None:
        """Take note of a group that is kept."""
        ...

    def failed(self) -> None:
        """Take note of a group that could not be written."""
        ...


def ignore_accepted(rows: pa.RecordBatch) -> None:
    """Do nothing with accepted events."""


class GroupCommit:
    """Takes the events of requests from any thread; each group is one record."""

    def __init__(
        self,
        door: Door,
        keeper: Keeper,
        *,
        now: Callable[[], datetime],
        items: ItemDoor | None = None,
        on_accepted: Callable[[pa.RecordBatch], None] = ignore_accepted,
        report: CommitReport | None = None,
        now_and_then: Callable[[], None] = do_nothing,
    ) -> None:
        """Begin.

        Args:
            door: judges; used by this alone from now on.
            keeper: keeps the records; closed at the end.
            now: the time.
            items: judges what is said of the catalogue; used by this alone from now on. Without one no request may say
                anything of it.
            on_accepted: called with the rows of each group once they are kept, before their senders are answered, in
                the columns of :data:`~shopsight.ingestion.collecting.records.ACCEPTED_SCHEMA`: what is to follow an
                event at once hooks in here. It is called by the one thread that writes, so it must be quick.
            report: hears of each group, by the same thread.
            now_and_then: called by the same thread after each group, and every second without one.
        """
        self._door = door
        self._keeper = keeper
        self._items = items
        self._now = now
        self._on_accepted = on_accepted
        self._report = report
        self._and_then = now_and_then
        self.failure: str | None = None
        """Why the last group was not kept; None while all is well."""
        self._requests: Gathering[Request, Outcome] = Gathering(
            self._commit,
            name="writing collected events",
            max_size=MAX_GROUP_EVENTS,
            size_of=lambda request: len(request.events) + len(request.items),
            now_and_then=self._now_and_then,
        )

    def take(self, request: Request) -> "Future[Outcome]":
        """Return what will become of one request; it is done when its events are kept.

        Raises, in its result:
            NotKeptError: they could not be written.
        """
        return self._requests.take(request)

    def close(self) -> None:
        """Keep what was taken, hand everything on, and end."""
        self._requests.close()
        with contextlib.suppress(OSError):
            self._keeper.close()
        self._door.close()
        if self._items is not None:
            self._items.close()

    def _now_and_then(self) -> None:
        try:
            self._keeper.seal_if_old()
            if self._items is not None:
                self._items.tidy()
        except OSError as error:
            self.failure = str(error)
        try:
            self._and_then()
        except Exception:
            log.exception("what is done now and then failed")

    def _commit(self, group: Sequence[Request]) -> list[Outcome]:
        events, left_out = list[object](), dict[int, Sequence[str]]()
        for request in group:
            left_out |= {len(events) + place: reasons for place, reasons in request.left_out.items()}
            events += request.events
        now = self._now()
        judgement = self._door.judge(events, received_at=now, left_out=left_out)
        items = self._judged_items([change for request in group for change in request.items], now)
        record = replace(judgement.record, items=items.rows)
        started = time.perf_counter()
        try:
            if record.size:
                self._keeper.append(record)
            self._door.remember(judgement.hashes)
            if self._items is not None:
                self._items.publish(items.live)
        except OSError as error:
            self.failure = str(error)
            log.error("a group of %d events was not kept: %s", len(events), error)
            if self._report is not None:
                self._report.failed()
            raise NotKeptError(str(error)) from error
        self.failure = None
        if self._report is not None:
            self._report.wrote(_committed(judgement, events=len(events), items=len(items.rows), started=started))
        if judgement.record.accepted.num_rows:
            try:
                self._on_accepted(judgement.record.accepted)
            except Exception:
                # Whatever follows an event, the event is kept, and its sender is to know.
                log.exception("what follows accepted events failed")
        return _outcomes(group, judgement, items)

    def _judged_items(self, changes: Sequence[ItemChange], now: datetime) -> ItemJudgement:
        if not changes:
            return NO_ITEMS
        if self._items is None:
            raise ValueError("a request says something of the catalogue, and nothing here judges that")
        return self._items.judge(changes, received_at=now)


def _committed(judgement: Judgement, *, events: int, items: int, started: float) -> Committed:
    """Return a group that was kept just now."""
    rejected, duplicates = len(judgement.refusals), int(judgement.is_duplicate.sum())
    return Committed(
        accepted=events - rejected - duplicates,
        duplicates=duplicates,
        rejected=rejected,
        items=items,
        seconds=time.perf_counter() - started,
    )


def _outcomes(group: Sequence[Request], judgement: Judgement, items: ItemJudgement) -> list[Outcome]:
    """Return to each request what is its own of a group's judgement."""
    outcomes, first, first_item = [], 0, 0
    for request in group:
        end, end_of_items = first + len(request.events), first_item + len(request.items)
        refusals = _within(judgement.refusals, first, end)
        item_refusals = _within(items.refusals, first_item, end_of_items)
        duplicates = int(judgement.is_duplicate[first:end].sum())
        accepted = len(request.events) - len(refusals) - duplicates
        outcomes.append(
            Outcome(
                accepted=accepted,
                duplicates=duplicates,
                refusals=refusals,
                items=len(request.items) - len(item_refusals),
                item_refusals=item_refusals,
            )
        )
        first, first_item = end, end_of_items
    return outcomes


def _within(refusals: Sequence[Refusal], first: int, end: int) -> tuple[Refusal, ...]:
    """Return the refusals of some places, counted from the first of these."""
    return tuple(Refusal(index=one.index - first, reasons=one.reasons) for one in refusals if first <= one.index < end)
