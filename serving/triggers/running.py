"""Fires triggers as they fall due: follows the collector, decides, journals, posts; one process of a home at a time."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from models.triggers.book import TriggerBook
from models.triggers.engine import Due, Engine
from models.triggers.judging import Firing, Judge, PutOff
from serving.collector.known_shop import KnownShopReader
from serving.triggers.feeding import LIVE_DAYS, Feeder, has_account
from serving.triggers.following import CatalogueSource, MissedEventsError, Source, source_of
from serving.triggers.history import due_after_orders, events_of_log, item_changes
from serving.triggers.ledger import FINAL, Ledger, decisions_of, line_of, read_journal, step_of
from serving.triggers.posting import Outcome, Poster
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.whole_files import version_of

LOOK_SECONDS: Final = 0.2
"""How often it is looked whether there is something new."""
IN_FLIGHT: Final = 64
"""Posts that are handed over at once; the journal names them before."""
MAX_DECIDED: Final = 256
"""Moments that are decided of at once, so that the first of many are posted soon."""
PLAN_SECONDS: Final = 300.0
"""How often moments after orders are looked up, and for how far ahead twice that."""
RETRY_SECONDS: Final = (1.0, 2.0, 5.0, 15.0, 60.0)
"""After how long a post is tried again that was surely not taken; then every minute."""
RESTART_SECONDS: Final = 5.0
"""How long triggers rest that could not be run."""

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Post:
    """A message that is to be delivered."""

    message: dict[str, Any]
    until: datetime
    """When it is too late for it."""
    tries: int = 0
    not_before: float = float("-inf")


class Triggers:
    """The triggers of one home at work; :meth:`step` from one thread, until :meth:`close`."""

    def __init__(
        self,
        settings: Settings,
        book: TriggerBook,
        *,
        now: Callable[[], datetime] = utc_now,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read what happened, and what was fired, so that everything goes on where it ended.

        Raises:
            UnusableTriggersError: the book names no webhook.
            ShopsightError: the event stream does not answer.
        """
        self._settings = settings
        self._book = book
        self._now = now
        self._seconds_now = seconds_now
        self.left_out = {"no account": 0, "consent": 0}
        """Moments of shoppers who cannot be, or may not be, written to, since the start."""
        url = book.needs_webhook()
        with ExitStack() as opened:  # what was opened is closed where something after it cannot be
            self._ledger = opened.enter_context(closing(Ledger(settings)))
            self._source: Source = opened.enter_context(closing(source_of(settings)))
            self._shop = opened.enter_context(closing(KnownShopReader(settings, on_new=lambda _before, _new: None)))
            self._poster = opened.enter_context(closing(Poster(settings, url)))
            self._begin()
            self._opened = opened.pop_all()

    def _begin(self) -> None:
        """Read what the engine looks back to, and what was decided."""
        settings, book = self._settings, self._book
        self._catalogue = CatalogueSource(settings)
        self._engine = Engine(book.triggers)
        self._feeder = Feeder(self._engine, self._shop.shop)
        self._judge = Judge(book, zone=settings.zone)
        self._due: deque[Due] = deque()
        self._posts: deque[_Post] = deque()
        self._flying: dict[Future[Outcome], _Post] = {}
        # What was put off to the end of the quiet hours is due since yesterday.
        self._planned_until = self._now() - book.max_delay - timedelta(days=1)
        self._plan_at = float("-inf")
        self._resume()
        self._read_history()

    def step(self) -> None:
        """Do what there is to do at this moment; it takes no longer than reading what is new."""
        self._feeder.shop = self._shop.shop
        try:
            for row in self._source.new_rows():
                self._feeder.feed(row)
        except MissedEventsError as missed:
            log.info("%s landed before it was read: the event log is read again", missed)
            self._read_history()
        for change in self._catalogue.new_changes():
            self._engine.take_item(change)
        self._plan_after_orders()
        self._decide()
        self._collect()
        self._hand_over()

    @property
    def is_busy(self) -> bool:
        """Whether posts wait or are under way."""
        return bool(self._flying or self._due) or any(post.not_before <= self._seconds_now() for post in self._posts)

    def close(self) -> None:
        """Wait for the posts that are under way, and end; what waits goes on with the next start."""
        with self._opened:
            self._poster.close()
            self._collect()

    def _resume(self) -> None:
        """Take up what was decided before, and what of it can still be delivered."""
        now, decisions = self._now(), decisions_of(read_journal(self._settings))
        self._judge.remember(decisions)
        lost = [one["id"] for one in decisions if one["delivery"] == "posting"]
        self._ledger.write(
            step_of(id_, "unconfirmed", at=now, answer="shopsight ended while it posted") for id_ in lost
        )
        for one in decisions:
            if one["decision"] == "sent" and one["delivery"] not in (*FINAL, "posting"):
                message = {name: value for name, value in one.items() if name not in ("decision", "delivery", "answer")}
                message["at"] = one["at"].isoformat().replace("+00:00", "Z")
                self._posts.append(_Post(message=message, until=one["at"] + self._book.max_delay))

    def _read_history(self) -> None:
        """Read the events and changes that rules look back to; what was read before changes nothing."""
        now, rows = self._now(), list[dict[str, Any]]()
        since = now - self._book.memory
        with suppress(MissedEventsError):  # what has landed is in the log, which is read now
            # First what waits, so that what lands meanwhile is read twice and not missed.
            rows += self._source.new_rows()
        changes = deque(item_changes(self._settings, since, now))
        for row in events_of_log(self._settings, since, now):
            while changes and changes[0].at <= row["event_timestamp"]:
                self._engine.take_item(changes.popleft())
            self._feeder.feed(row)
        for change in changes:
            self._engine.take_item(change)
        for row in rows:
            self._feeder.feed(row)

    def _plan_after_orders(self) -> None:
        """Look up what falls due because of orders, some minutes ahead."""
        if self._seconds_now() < self._plan_at:
            return
        now = self._now()
        until = now + timedelta(seconds=2 * PLAN_SECONDS)
        self._feeder.forget_purchases(now - timedelta(days=LIVE_DAYS))
        moments = due_after_orders(self._settings, self._book, self._planned_until, until, live=self._feeder.purchases)
        self._engine.add(moments)
        self._engine.prune(now - self._book.memory)
        self._planned_until = until
        self._plan_at = self._seconds_now() + PLAN_SECONDS

    def _decide(self) -> None:
        """Decide of what is due, and write it down before anything of it is posted."""
        now, firings = self._now(), list[Firing]()
        self._due.extend(self._engine.due(now))
        for due in [self._due.popleft() for _ in range(min(MAX_DECIDED, len(self._due)))]:
            if now - self._judge.earliest(due) > self._book.max_delay or self._judge.is_decided(due):
                continue
            if not has_account(due.shopper):
                self.left_out["no account"] += 1
                continue
            if self._feeder.refuses(due.shopper):
                self.left_out["consent"] += 1
                continue
            verdict = self._judge.judge(due, at=now)
            if isinstance(verdict, PutOff):
                self._engine.put_off(due, verdict.until)
            else:
                firings.append(verdict)
        lines = [line_of(one) for one in firings]
        self._ledger.write(lines)
        for one, line in zip(firings, lines, strict=True):
            if one.decision == "sent":
                del line["decision"]
                self._posts.append(_Post(message=line, until=one.at + self._book.max_delay))

    def _hand_over(self) -> None:
        """Hand over as many posts as there is room for; the journal says so before."""
        now, ready, later = self._now(), list[_Post](), list[_Post]()
        while self._posts and len(ready) + len(self._flying) < IN_FLIGHT:
            post = self._posts.popleft()
            if now > post.until or self._feeder.refuses(post.message["user_id"]):
                why = "too late" if now > post.until else "the shopper refuses personal use"
                self._ledger.write([step_of(post.message["id"], "given_up", at=now, answer=why)])
            elif post.not_before > self._seconds_now():
                later.append(post)
            else:
                ready.append(post)
        self._posts.extend(later)
        self._ledger.write(step_of(post.message["id"], "posting", at=now) for post in ready)
        for post in ready:
            post.tries += 1
            self._flying[self._poster.post(post.message)] = post

    def _collect(self) -> None:
        """Write down what became of posts; what was surely not taken is tried again."""
        done = [future for future in self._flying if future.done()]
        steps = []
        for future in done:
            post, outcome = self._flying.pop(future), future.result()
            steps.append(step_of(post.message["id"], outcome.delivery, at=self._now(), answer=outcome.answer))
            if outcome.delivery == "waiting":
                wait = RETRY_SECONDS[min(post.tries, len(RETRY_SECONDS)) - 1]
                post.not_before = self._seconds_now() + wait
                self._posts.append(post)
        self._ledger.write(steps)


def run_triggers(settings: Settings, stopping: threading.Event, *, report: Callable[[str], None] = log.warning) -> None:
    """Fire the triggers of a home until ``stopping`` is set; the file is read again when it changes.

    While the file is missing, wrong or names no webhook, or the marts, the log or the journal cannot be read, nothing
    is fired; what is wrong is reported once, and everything is tried again every five seconds.

    Raises:
        ResourceBusyError: another process fires them.
    """
    path, said = settings.triggers_path, ""
    with exclusive(settings.triggers_dir / ".lock", what="the journal of triggers", wait_seconds=1):
        while not stopping.is_set():
            version = version_of(path)
            try:
                if version is not None:
                    _run_book(settings, TriggerBook.read(path), path, stopping)
                said = ""
            except (ShopsightError, OSError, ValueError, duckdb.Error) as error:
                if (words := f"{type(error).__name__}: {error}") != said:
                    report(f"triggers rest: {words}")
                said = words
            while not stopping.is_set() and version is None and version_of(path) is None:
                stopping.wait(1.0)
            if said:
                stopping.wait(RESTART_SECONDS)


def _run_book(settings: Settings, book: TriggerBook, path: Path, stopping: threading.Event) -> None:
    """Fire one state of the file until there is another one."""
    version = version_of(path)
    if not book.triggers:
        while version_of(path) == version and not stopping.wait(1.0):
            pass
        return
    triggers = Triggers(settings, book)
    try:
        while not stopping.is_set() and version_of(path) == version:
            triggers.step()
            stopping.wait(LOOK_SECONDS / 10 if triggers.is_busy else LOOK_SECONDS)
    finally:
        triggers.close()
