"""Tell people what waits and what was decided; whatever becomes of it, a decision stands and waits for nothing here."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from models.registry.approvers import MAY, Directory
from models.registry.registry import ModelRegistry
from orchestration.notifications.channels import NotDeliveredError, send_mail, send_webhook
from orchestration.notifications.ledger import Delivery, Entry, Ledger, ledger_path, the_only_sender
from orchestration.notifications.notices import Notice, of_records, of_time
from orchestration.waiting import waiting_candidates
from shopsight.errors import ShopsightError
from shopsight.locking import ResourceBusyError
from shopsight.settings import Settings

NEWS: Final = timedelta(hours=1)
"""How old a decision may be that is told of when notices are made for the first time."""
BUDGET_SECONDS: Final = 20.0
"""After so long no further delivery is begun; what is left is tried the next time."""


def notify(settings: Settings, now: datetime) -> list[str]:
    """Send what there is to say and what could not be delivered before; return what still could not.

    It does nothing where neither a webhook nor a mail server is set. The first time, it says nothing of what was
    decided more than an hour ago.

    Args:
        settings: the home.
        now: the time, aware.

    Returns:
        A line for each delivery that failed, those of earlier times included.
    """
    if settings.notify_webhook is None and settings.notify_smtp is None:
        return []
    try:
        with the_only_sender(ledger_path(settings)):
            return _notified(settings, now)
    except ResourceBusyError:
        return []  # another process sends, and goes on from the same ledger
    except (ShopsightError, OSError, ValueError, KeyError, TypeError) as error:
        return [f"notices cannot be made: {error}"]


def _notified(settings: Settings, now: datetime) -> list[str]:
    path, registry = ledger_path(settings), ModelRegistry.of(settings)
    ledger, content = Ledger.read(path), registry.approvers.read()
    directory = content[0] if content else None
    head, records = registry.head(), registry.records()
    waiting = waiting_candidates(settings, now)
    if ledger.journal is None:
        after = sum(now - datetime.fromisoformat(record["at"]) > NEWS for record in records)
    else:
        registry.confirm(ledger.journal, by=f"the notices in {path.name}")
        after = ledger.journal.records
    for notice in (*of_records(records, after=after, waiting=waiting), *of_time(waiting, now)):
        ledger.add(notice, list(_deliveries(settings, directory, notice, now)))
    ledger.journal = head
    ledger.write(path)
    began = time.monotonic()
    for entry in ledger.entries:
        for delivery in entry.deliveries:
            if delivery.is_due(now) and time.monotonic() - began < BUDGET_SECONDS:
                _send(settings, directory, entry, delivery, now)
                ledger.write(path)
    return ledger.troubles()


def _deliveries(settings: Settings, directory: Directory | None, notice: Notice, now: datetime) -> Iterator[Delivery]:
    """Yield to whom a notice goes: what waits to those who may decide, what was decided to all whom it concerns."""
    if settings.notify_webhook is not None:
        yield Delivery(channel="webhook", to="")
    if settings.notify_smtp is None or directory is None:
        return
    able = directory.those_who_may("approve", notice.family, now)
    for person in directory.approvers:
        concerned = not person.families or notice.family in person.families or person in able
        waits = notice.event in ("waits", "reminder", "expired")
        if person.email and concerned and (person in able or not waits or not MAY[person.role]):
            yield Delivery(channel="mail", to=person.name)


def _send(settings: Settings, directory: Directory | None, entry: Entry, delivery: Delivery, now: datetime) -> None:
    try:
        if delivery.channel == "webhook":
            if settings.notify_webhook is None:
                raise NotDeliveredError("SHOPSIGHT_NOTIFY_WEBHOOK is not set any more")
            send_webhook(settings, entry.notice)
        else:
            person = directory.person(delivery.to) if directory else None
            if settings.notify_smtp is None or person is None or not person.email:
                raise NotDeliveredError("there is no mail server or no address any more")
            link = f"http://{settings.host}:{settings.dagster_port}/assets/waiting_approvals"
            send_mail(settings, entry.notice, person.email, link=link)
    except NotDeliveredError as error:
        delivery.failed(str(error), now)
    else:
        delivery.state, delivery.tries, delivery.failure = "delivered", delivery.tries + 1, ""
