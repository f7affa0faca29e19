"""What was said and what could not be delivered yet, in one file of the home.

A notice is written down before it is sent, and struck off after: one that was sent by a process that then died is sent
again, with the same id. How far the journal was read is written down with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from models.registry.journal import JournalHead
from orchestration.notifications.notices import Notice
from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.whole_files import write_json

RETRY_AFTER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720, 1_440))
"""Pauses between tries; after the last one a notice is given up."""
MAX_DONE: Final = 500
"""How many notices are remembered after they were delivered or given up."""


@dataclass(kw_only=True)
class Delivery:
    """One notice on its way to one address."""

    channel: str
    """``webhook`` or ``mail``."""
    to: str
    """Name of the person; empty for the webhook. The address is looked up when it is sent."""
    state: str = "pending"
    """``pending``, ``delivered`` or ``given up``."""
    tries: int = 0
    try_at: str = ""
    """Not before this moment, ISO 8601; empty: at once."""
    failure: str = ""
    """Why the last try failed."""

    def failed(self, why: str, now: datetime) -> None:
        """Note a try that failed, and when there is another."""
        self.tries, self.failure = self.tries + 1, why
        if self.tries > len(RETRY_AFTER):
            self.state, self.try_at = "given up", ""
        else:
            self.try_at = (now + RETRY_AFTER[self.tries - 1]).isoformat()

    def is_due(self, now: datetime) -> bool:
        """Return whether it is to be tried now."""
        return self.state == "pending" and (not self.try_at or datetime.fromisoformat(self.try_at) <= now)


@dataclass(kw_only=True)
class Entry:
    """A notice with its deliveries."""

    notice: Notice
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is to be tried any more."""
        return all(one.state != "pending" for one in self.deliveries)


@dataclass(kw_only=True)
class Ledger:
    """All notices, and how far the journal was read."""

    journal: JournalHead | None = None
    """None before the first look: what was decided before there were notices is not told."""
    entries: list[Entry] = field(default_factory=list)

    def add(self, notice: Notice, deliveries: list[Delivery]) -> None:
        """Take a notice in, once."""
        if notice.id not in {entry.notice.id for entry in self.entries}:
            self.entries.append(Entry(notice=notice, deliveries=deliveries))

    def troubles(self) -> list[str]:
        """Return what could not be delivered so far, a line each."""
        return [
            f"{entry.notice.sentence}: {one.channel}{f' to {one.to}' if one.to else ''} {one.state}, {one.failure}"
            for entry in self.entries
            for one in entry.deliveries
            if one.failure and one.state != "delivered"
        ]

    @classmethod
    def read(cls, path: Path) -> "Ledger":
        """Return the ledger of a home; an empty one where there is none."""
        if not path.exists():
            return cls()
        document = orjson.loads(path.read_bytes())
        entries = [
            Entry(notice=Notice(**one["notice"]), deliveries=[Delivery(**delivery) for delivery in one["deliveries"]])
            for one in document["entries"]
        ]
        return cls(journal=JournalHead.parse(document["journal"]) if document["journal"] else None, entries=entries)

    def write(self, path: Path) -> None:
        """Write it whole, with what is pending and the newest of the rest."""
        done = [entry for entry in self.entries if entry.is_done]
        forgotten = {id(entry) for entry in done[: max(0, len(done) - MAX_DONE)]}
        entries = [
            {"notice": entry.notice.as_document(), "deliveries": [asdict(one) for one in entry.deliveries]}
            for entry in self.entries
            if id(entry) not in forgotten
        ]
        write_json(path, {"journal": str(self.journal) if self.journal else None, "entries": entries})
        path.chmod(0o600)


def ledger_path(settings: Settings) -> Path:
    """Return the ledger of a home."""
    return settings.home / "notifications" / "notices.json"


@contextmanager
def the_only_sender(path: Path) -> Iterator[None]:
    """Be the only process that sends; another one waits for none of the servers.

    Raises:
        ResourceBusyError: another one sends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path.with_suffix(".lock"), what="the notices", wait_seconds=0):
        yield
