"""What triggers would have fired within days that are over: nothing is sent and nothing is written."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from models.triggers.book import TriggerBook
from models.triggers.engine import Due, Engine
from models.triggers.judging import Firing, Judge, PutOff
from serving.collector.known_shop import read_known_shop
from serving.triggers.feeding import Feeder, has_account
from serving.triggers.history import due_after_orders, events_of_log, item_changes
from serving.triggers.ledger import line_of
from shopsight.settings import Settings

EXAMPLES: Final = 3
"""Firings of each trigger that a summary shows with their evidence."""


@dataclass(kw_only=True)
class Replayed:
    """What one trigger would have done."""

    due: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    """``sent``, ``held_out``, ``cooling``, ``capped``, ``no account``, ``consent``, and ``after the end``."""
    put_off: int = 0
    """How many would have waited for the end of the quiet hours; they are among the others, too."""
    shoppers: set[str] = field(default_factory=set)
    """To whom it would have been sent."""
    by_day: Counter[str] = field(default_factory=Counter)
    """Sent, by day in UTC."""
    examples: list[dict[str, Any]] = field(default_factory=list)


def replay_triggers(settings: Settings, book: TriggerBook, since: datetime, until: datetime) -> dict[str, Replayed]:
    """Return what each trigger would have done, had all of them been switched on at ``since``."""
    made: dict[str, Replayed] = {one.name: Replayed() for one in book.triggers}
    for what, due, firing in firings_of(settings, book, since, until):
        one = made[due.trigger]
        if what == "put off":
            one.put_off += 1
            continue
        one.due += 1
        one.decisions[what] += 1
        if firing is not None and what == "sent":
            one.shoppers.add(due.shopper)
            one.by_day[firing.at.date().isoformat()] += 1
            if len(one.examples) < EXAMPLES:
                one.examples.append(line_of(firing))
    return made


def firings_of(
    settings: Settings, book: TriggerBook, since: datetime, until: datetime
) -> Iterator[tuple[str, Due, Firing | None]]:
    """Yield what became of each moment that was due in ``[since, until)``, in order.

    Yields:
        The decision in a word, what was due, and the firing where one was decided of. What is put off is yielded as
        ``put off``, and again once it is due after the quiet hours; ``after the end`` where that is beyond ``until``.
    """
    engine = Engine(book.triggers)
    feeder = Feeder(engine, read_known_shop(settings))
    desk = _Desk(engine, feeder, Judge(book, zone=settings.zone), since)
    began = since - book.memory
    changes = deque(item_changes(settings, began, until))
    engine.add(due_after_orders(settings, book, since, until))
    for row in events_of_log(settings, began, until):
        while changes and changes[0].at <= row["event_timestamp"]:
            yield from desk.decided(changes[0].at)
            engine.take_item(changes.popleft())
        yield from desk.decided(row["event_timestamp"])
        feeder.feed(row)
    for change in changes:
        yield from desk.decided(change.at)
        engine.take_item(change)
    yield from desk.decided(until - timedelta(microseconds=1))
    for due in desk.put_off.values():
        yield "after the end", due, None


@dataclass
class _Desk:
    """Decides as the live triggers do, at the very moment that something is due."""

    engine: Engine
    feeder: Feeder
    judge: Judge
    since: datetime
    put_off: dict[str, Due] = field(default_factory=dict)

    def decided(self, until: datetime) -> Iterator[tuple[str, Due, Firing | None]]:
        for due in self.engine.due(until):
            at = due.not_before or due.at
            if at < self.since or self.judge.is_decided(due):
                continue
            self.put_off.pop(due.id, None)
            if not has_account(due.shopper):
                yield "no account", due, None
            elif self.feeder.refuses(due.shopper):
                yield "consent", due, None
            else:
                verdict = self.judge.judge(due, at=at)
                if isinstance(verdict, PutOff):
                    self.engine.put_off(due, verdict.until)
                    self.put_off[due.id] = due
                    yield "put off", due, None
                else:
                    yield verdict.decision, due, verdict


def document_of(made: dict[str, Replayed]) -> dict[str, Any]:
    """Return the summary as JSON has it."""
    people = defaultdict[str, int](int)
    for one in made.values():
        for shopper in one.shoppers:
            people[shopper] += 1
    return {
        "triggers": {
            name: {
                "due": one.due,
                **{what.replace(" ", "_"): one.decisions[what] for what in sorted(one.decisions)},
                "put_off": one.put_off,
                "shoppers": len(one.shoppers),
                "by_day": dict(sorted(one.by_day.items())),
                "examples": one.examples,
            }
            for name, one in made.items()
        },
        "shoppers": len(people),
    }
