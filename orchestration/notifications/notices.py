"""What there is to say about candidates and decisions: read from the registry's journal and from what waits.

A notice has an id of its own, made of what it is about, so that it is the same one however often it is looked for. It
says who decided and nothing else of a person: no reason, which is free text, and no address.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from orchestration.waiting import Waiting
from shopsight.clock import rfc3339

Event = Literal["waits", "approved", "rejected", "released", "stopped", "rolled back", "reminder", "expired"]

OF_ACTIONS: Final[Mapping[str, Event]] = {
    "approve": "approved",
    "release": "released",
    "withdraw": "stopped",
    "reject": "rejected",
    "rollback": "rolled back",
}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing to say."""

    id: str
    event: Event
    family: str
    version: str
    at: str
    """When it happened, RFC 3339."""
    by: str | None = None
    """Who decided."""
    on_behalf_of: str | None = None
    """For whom."""
    waits_since: str | None = None
    verdict_until: str | None = None

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON has it, without what it does not say."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def sentence(self) -> str:
        """Say it in a sentence."""
        name = f"{self.family} {self.version}"
        by = f"{self.by} for {self.on_behalf_of}" if self.on_behalf_of else self.by
        return {
            "waits": f"{name} waits for an approval",
            "approved": f"{name} was approved by {by}, and serves",
            "released": f"{name} was approved by {by}, and is released step by step",
            "stopped": f"{name} was stopped on its way to serve, by {by}",
            "rejected": f"{name} was rejected by {by}",
            "rolled back": f"{name} serves again: {by} rolled back to it",
            "reminder": f"{name} still waits for an approval, since {self.waits_since}",
            "expired": f"{name} was not decided about in time, and has to be judged anew",
        }[self.event]


def of_records(records: list[dict[str, Any]], *, after: int, waiting: Collection[Waiting]) -> Iterator[Notice]:
    """Yield what the journal says after a number of records: candidates that passed their gate, and decisions.

    A rollback over several versions is one decision, of the version that serves in the end. A candidate about which the
    policy decided at once never waited.
    """
    verdicts = {one.verdict for one in waiting}
    new = [record for record in records if record["number"] > after]
    for record, following in zip(new, [*new[1:], None], strict=False):
        action = record["action"]
        if action == "rollback" and following is not None and _is_one_step_of(record, following):
            continue
        if action == "judge" and record["number"] in verdicts:
            yield _notice("waits", record, number=record["number"])
        elif action in OF_ACTIONS:
            by, on_behalf_of = record["approver"], record.get("on_behalf_of")
            yield _notice(OF_ACTIONS[action], record, number=record["number"], by=by, on_behalf_of=on_behalf_of)


def of_time(waiting: list[Waiting], now: datetime) -> Iterator[Notice]:
    """Yield what the clock says: who is to be reminded, and whose verdict ended."""
    for one in waiting:
        if one.expires_at is None:
            continue
        until = rfc3339(one.expires_at)
        if now > one.expires_at:
            event: Event = "expired"
            at = until
        elif one.state == "waits for an approval" and now >= one.remind_at:
            event, at = "reminder", rfc3339(one.remind_at)
        else:
            continue
        record = {"family": one.family, "version": one.version, "at": at}
        times = {"waits_since": rfc3339(one.since), "verdict_until": until}
        yield _notice(event, record, number=one.verdict, **times)


def _is_one_step_of(record: Mapping[str, Any], following: Mapping[str, Any]) -> bool:
    same = ("action", "family", "at", "approver")
    return all(record[name] == following.get(name) for name in same)


def _notice(event: Event, record: Mapping[str, Any], *, number: int, **more: Any) -> Notice:
    at = rfc3339(datetime.fromisoformat(record["at"]))
    key = f"{event.replace(' ', '-')}:{record['family']}:{record['version']}:{number}"
    return Notice(id=key, event=event, family=record["family"], version=record["version"], at=at, **more)
