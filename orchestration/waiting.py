"""Candidates that wait for a decision: since when, for whom, and until when the gate's word on them holds.

Nothing is stored: the list is what the registry's journal, the file of approvers and the clock say together.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from models.registry.approvers import Directory
from models.registry.names import are_alike
from models.registry.registry import ModelRegistry, ModelVersion
from models.registry.requirements import expires_at, why_stale
from orchestration.decisions import approval_form
from shopsight.clock import rfc3339
from shopsight.families import FAMILIES
from shopsight.settings import Settings

State = Literal["waits for an approval", "has to be judged anew", "was not judged yet"]

ANYBODY = "whoever is let in"
"""For whom a candidate waits where the home has no file of approvers."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One candidate that waits."""

    family: str
    version: str
    model: str
    state: State
    why: str
    """Why it has to be judged anew; empty where it has not."""
    since: datetime
    """When the gate spoke last; where it has not spoken, when it was registered."""
    remind_at: datetime
    """When those who may decide are reminded."""
    expires_at: datetime | None
    """When the gate's word ends; None where it has not spoken."""
    people: tuple[str, ...] | None
    """Who may approve it, without those who asked for it; None: whoever is let in."""
    verdict: int
    """Number of the verdict's record in the journal; 0 where there is none."""
    serves: str | None
    """The version that serves now, beside which it can be released; None where none does."""

    def age(self, now: datetime) -> str:
        """Return how long it has waited, in words."""
        hours = max(0, int((now - self.since).total_seconds() // 3600))
        return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h"

    @property
    def for_whom(self) -> str:
        """For whom it waits, in words."""
        if self.people is None:
            return ANYBODY
        return ", ".join(self.people) or "nobody: no one of approvers.yml may approve it"

    def as_document(self, now: datetime) -> dict[str, Any]:
        """Return it as JSON has it."""
        times = {name: rfc3339(value) for name, value in asdict(self).items() if isinstance(value, datetime)}
        return asdict(self) | times | {"age_hours": round((now - self.since).total_seconds() / 3600, 1)}


def waiting_candidates(settings: Settings, now: datetime, *, family: str | None = None) -> list[Waiting]:
    """Return what waits, what has waited longest first.

    Args:
        settings: the home.
        now: the time, aware.
        family: of this one alone; ``None``: of all.

    Raises:
        ApproversError: the file of approvers cannot be read.
        JournalBrokenError: the registry's journal is not what was written.
    """
    registry = ModelRegistry.of(settings)
    content = registry.approvers.read()
    directory = content[0] if content else None
    families = FAMILIES if family is None else (family,)
    waiting = [one for name in families for one in _of_family(settings, registry, directory, name, now)]
    return sorted(waiting, key=lambda one: (one.since, one.family, one.version))


def table(settings: Settings, waiting: list[Waiting], now: datetime) -> str:
    """Return the list as a Markdown table, with the way to each decision."""
    if not waiting:
        return "Nothing waits for a decision."
    lines = ["| candidate | model | waits for | since | age | verdict holds until | |", "|---|---|---|---|---|---|---|"]
    for one in waiting:
        until = f"{one.expires_at:%Y-%m-%d %H:%M}" if one.expires_at else "–"
        if one.state == "waits for an approval":
            words = ("approve", "release", "reject") if one.serves else ("approve", "reject")
            ways = [f"[{op}]({approval_form(settings, one.family, one.version, op=op)})" for op in words]
        else:
            ways = [f"**{one.state}**: {one.why}" if one.why else f"**{one.state}**"]
        name, since = f"{one.family} {one.version}", f"{one.since:%Y-%m-%d %H:%M}"
        lines.append(f"| {' | '.join((name, one.model, one.for_whom, since, one.age(now), until, ', '.join(ways)))} |")
    return "\n".join(lines)


def _of_family(
    settings: Settings, registry: ModelRegistry, directory: Directory | None, family: str, now: datetime
) -> Iterator[Waiting]:
    versions = registry.versions(family)
    champion = next((one for one in versions if one.status == "champion"), None)
    for version in versions:
        if version.status != "candidate" or version.eligible is False:
            continue
        since = datetime.fromisoformat(version.judged_at or version.created_at)
        why = why_stale(version, champion, now, days=registry.verdict_days) if version.judged_at else None
        state: State = "waits for an approval" if why is None else "has to be judged anew"
        yield Waiting(
            family=family,
            version=version.version,
            model=version.evaluation.candidate,
            state=state if version.judged_at else "was not judged yet",
            why=why or "",
            since=since,
            remind_at=since + timedelta(days=settings.reminder_days),
            expires_at=expires_at(version, days=registry.verdict_days),
            people=None if directory is None else tuple(_who_may(directory, version, now)),
            verdict=version.judged_in or 0,
            serves=None if champion is None else champion.version,
        )


def _who_may(directory: Directory, version: ModelVersion, now: datetime) -> Iterator[str]:
    asked = [name for name in (version.requester, version.launched_by) if name is not None]
    for person in directory.those_who_may("approve", version.family, now):
        lender = (
            None
            if person.may("approve", version.family)
            else directory.lender_to(person, "approve", version.family, now)
        )
        answering = [person.name] if lender is None else [person.name, lender.name]
        if not any(are_alike(name, other) for name in answering for other in asked):
            yield person.name if lender is None else f"{person.name} for {lender.name}"
