"""Whether what is due is sent: once, within caps and outside quiet hours, and not to those who are held out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from models.campaigns.book import QuietHours
from models.campaigns.lot import draws
from models.triggers.book import TriggerBook
from models.triggers.engine import Due

Decision = Literal["sent", "held_out", "cooling", "capped"]


@dataclass(frozen=True, kw_only=True)
class Firing:
    """What was decided of something due."""

    due: Due
    at: datetime
    decision: Decision


@dataclass(frozen=True, kw_only=True)
class PutOff:
    """It falls into the quiet hours."""

    until: datetime


class Judge:
    """Decides of each due moment once; those held out count as those sent to, so that both sides live by one rule."""

    def __init__(self, book: TriggerBook, *, zone: str) -> None:
        self._book = book
        self._rules = {one.name: one for one in book.triggers}
        self._zone = ZoneInfo(zone)
        self._decided: set[str] = set()
        self._counted: dict[str, list[tuple[datetime, str]]] = defaultdict(list)

    def remember(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take in decisions of a journal: ``id``, ``trigger``, ``user_id``, ``at`` and ``decision`` of each."""
        for line in lines:
            self._note(line["id"], line["user_id"], line["trigger"], line["at"], line["decision"])

    def is_decided(self, due: Due) -> bool:
        """Return whether this very moment was decided of before."""
        return due.id in self._decided

    def earliest(self, due: Due) -> datetime:
        """Return the first moment at which something due may be sent: its own, or the end of the quiet hours."""
        return quiet_until(due.at, self._book.quiet_hours, self._zone) or due.at

    def judge(self, due: Due, *, at: datetime) -> Firing | PutOff:
        """Decide of a moment that was not decided of before."""
        if (until := quiet_until(at, self._book.quiet_hours, self._zone)) is not None:
            return PutOff(until=until)
        decision = self._decision(due, at)
        self._note(due.id, due.shopper, due.trigger, at, decision)
        return Firing(due=due, at=at, decision=decision)

    def _decision(self, due: Due, at: datetime) -> Decision:
        rule, cap = self._rules[due.trigger], self._book.cap
        counted = self._counted[due.shopper]
        if any(name == due.trigger and at - then < timedelta(days=rule.cooldown_days) for then, name in counted):
            return "cooling"
        if sum(at - then < timedelta(hours=cap.hours) for then, _ in counted) >= cap.max_firings:
            return "capped"
        return "held_out" if is_held_out(due.trigger, due.shopper, rule.hold_out) else "sent"

    def _note(self, id_: str, shopper: str, trigger: str, at: datetime, decision: str) -> None:
        self._decided.add(id_)
        if decision in ("sent", "held_out"):
            self._counted[shopper].append((at, trigger))


def is_held_out(trigger: str, shopper: str, share: float) -> bool:
    """Return whether a shopper is held out of a trigger, as they are on every day and machine."""
    return bool(draws([shopper], campaign=f"trigger {trigger}", what="hold_out")[0] < share)


def quiet_until(at: datetime, hours: QuietHours, zone: ZoneInfo) -> datetime | None:
    """Return when the quiet hours end that a moment falls into; None where it falls into none.

    >>> quiet_until(datetime(2026, 3, 1, 22, 30, tzinfo=UTC), QuietHours(starts=21, ends=8), ZoneInfo("UTC"))
    datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.timezone.utc)
    """
    if hours.starts == hours.ends:
        return None
    local = at.astimezone(zone)
    across = hours.starts > hours.ends
    inside = (
        local.hour >= hours.starts or local.hour < hours.ends if across else hours.starts <= local.hour < hours.ends
    )
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if across and local.hour >= hours.starts else 0)
    return datetime(day.year, day.month, day.day, hours.ends, tzinfo=zone).astimezone(UTC)
