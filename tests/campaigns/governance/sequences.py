"""Random sequences of actions on a registry, each beside a plain model of what is legal."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from governance.people import FAMILIES, MEMBERS, NO_NAMES, REASONS, SPELLINGS, TRAINING, File, drawn_file, taken_for
from governance.toys import VERDICTS, evaluation_of, toy_candidate
from models.registry.registry import ModelRegistry
from shopsight.errors import ShopsightError

ACTIONS: Final = 40
VERDICT_DAYS: Final = 14.0
KINDS: Final = {
    "register": 5,
    "judge": 9,
    "approve": 12,
    "reject": 1,
    "rollback": 4,
    "package": 2,
    "edit the file": 3,
    "kill a writer": 1,
    "wait": 2,
}


@dataclass(kw_only=True)
class Stored:
    """What the plain model knows of a version."""

    status: str = "candidate"
    requester: str = TRAINING
    launched_by: str | None = None
    eligible: bool | None = None
    beside: str | None = None
    judged_at: datetime | None = None
    crowned: int = 0
    """When it last became champion, in decisions; 0: never."""


@dataclass(kw_only=True)
class Walk:
    """One sequence: a registry, and what it should say."""

    registry: ModelRegistry
    folder: Path
    rng: random.Random
    at: datetime = datetime(2026, 5, 1, 12, tzinfo=UTC)
    file: File = field(default_factory=File)
    versions: dict[str, dict[str, Stored]] = field(default_factory=lambda: {family: {} for family in FAMILIES})
    crownings: int = 0
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def journal(self) -> Path:
        """The registry's journal."""
        return self.registry.root / "journal.jsonl"

    def step(self) -> str | None:
        """Take one action, and return what is wrong after it."""
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        before = self.journal.read_bytes() if self.journal.exists() else b""
        family = self.rng.choices(FAMILIES, (4, 1))[0]
        name = self._drawn_version(family)
        fault = self._taken(kind, family, name)
        return fault or self._wrong(kind, before)

    def _drawn_version(self, family: str) -> str:
        """Return one of the newest, mostly, so that much of what is tried is legal; now and then one that is none."""
        names = list(self.versions[family])
        if not names or self.rng.random() < 0.03:
            return "v0099"
        return self.rng.choice(names[-2:] if self.rng.random() < 0.7 else names)

    def _taken(self, kind: str, family: str, name: str) -> str | None:
        match kind:
            case "wait":
                self.at += timedelta(hours=self.rng.choice((1, 1, 20, 24 * 6, 24 * 15)))
            case "edit the file":
                self.file = drawn_file(self.rng, self.at)
                self.file.write(self.registry.root.parent / "approvers.yml")
            case "kill a writer":
                self._kill_a_writer(family)
            case "register":
                self._register(family)
            case "judge":
                return self._judge(family, name)
            case "package":
                return self._package(family, name)
            case _:
                return self._decide(kind, family, name)
        return None

    def _register(self, family: str) -> None:
        launched_by = self.rng.choice((None, None, "Ada", "Grace"))
        requester = self.rng.choice((TRAINING, TRAINING, TRAINING, "Grace"))
        version = self.registry.register(
            family,
            self.folder,
            evaluation=evaluation_of(family),
            card={"seed": 7},
            created_at=self.at,
            requester=requester,
            launched_by=launched_by,
        )
        self.tally["register"] += 1
        self.versions[family][version.version] = Stored(requester=requester, launched_by=launched_by)

    def _judge(self, family: str, name: str) -> str | None:
        eligible = self.rng.random() < 0.9
        stored = self.versions[family].get(name)
        fault = self._compared(
            stored is not None and stored.status == "candidate",
            "judge",
            lambda: self.registry.judge(family, name, verdict=VERDICTS[eligible], at=self.at),
        )
        if stored is not None and stored.status == "candidate":
            stored.eligible, stored.beside, stored.judged_at = eligible, self._champion(family), self.at
        return fault

    def _package(self, family: str, name: str) -> str | None:
        stored = self.versions[family].get(name)
        legal = stored is not None and stored.crowned > 0
        return self._compared(
            legal, "package", lambda: self.registry.package(family, name, tag="toy:1", manifest="none", at=self.at)
        )

    def _decide(self, kind: str, family: str, name: str) -> str | None:
        usual = self.rng.random() < 0.75
        able = [
            one
            for one in MEMBERS
            if self.file.people_who_answer(kind, family, name=one, reason=REASONS[0], at=self.at) is not None
        ]
        approver = self.rng.choice([*able, *MEMBERS] if usual else [*SPELLINGS, *NO_NAMES])
        reason = REASONS[0] if usual else self.rng.choice(REASONS)
        if kind == "approve" and self.rng.random() < 0.6:
            self._judge(family, name)
        to = self.rng.choice((None, name)) if kind == "rollback" else name
        target = to or self._before(family)
        answering = self._answering(kind, family, target, approver=approver, reason=reason)
        fault = self._compared(
            answering is not None,
            kind,
            lambda: self._call(kind, family, to, approver=approver, reason=reason),
        )
        if fault is None and answering is not None and target is not None:
            self._apply(kind, family, target)
            return self._misrecorded(answering)
        return fault

    def _call(self, kind: str, family: str, to: str | None, *, approver: str, reason: str) -> object:
        if kind == "rollback":
            return self.registry.rollback(family, to=to, approver=approver, reason=reason, at=self.at)
        decide = self.registry.approve if kind == "approve" else self.registry.reject
        return decide(family, to or "", approver=approver, reason=reason, at=self.at, requester=TRAINING)

    def _answering(self, kind: str, family: str, target: str | None, *, approver: str, reason: str) -> list[str] | None:
        """Return who would answer for a decision, or None where it is illegal."""
        stored = self.versions[family].get(target or "")
        if stored is None or approver in NO_NAMES or not any(one.isalnum() for one in reason):
            return None
        people = self.file.people_who_answer(kind, family, name=approver, reason=reason, at=self.at)
        if people is None:
            return None
        asked = {stored.requester, stored.launched_by if self.file.state == "good" else None}
        if kind == "approve":
            asked.add(TRAINING)
        second = not {taken_for(one) for one in people} & {taken_for(one) for one in asked if one is not None}
        champion = self._champion(family)
        legal = {
            "reject": stored.status == "candidate",
            "rollback": stored.status == "approved" and champion is not None and second,
            "approve": stored.status == "candidate"
            and stored.eligible is True
            and stored.judged_at is not None
            and self.at <= stored.judged_at + timedelta(days=VERDICT_DAYS)
            and stored.beside == champion
            and second,
        }[kind]
        return people if legal else None

    def _apply(self, kind: str, family: str, target: str) -> None:
        versions, champion = self.versions[family], self._champion(family)
        if kind == "reject":
            versions[target].status = "rejected"
            return
        for name, stored in versions.items():
            later = stored.crowned > versions[target].crowned and stored.status in ("approved", "champion")
            if kind == "rollback" and later:
                stored.status = "withdrawn"
            elif name == champion:
                stored.status = "approved"
        self.crownings += 1
        versions[target].status, versions[target].crowned = "champion", self.crownings

    def _kill_a_writer(self, family: str) -> None:
        """Leave what a writer leaves that is killed between two steps."""
        (self.registry.root / family / f"v{len(self.versions[family]) + 1:04d}").mkdir(parents=True, exist_ok=True)
        if self.journal.exists():
            with self.journal.open("ab") as file:
                file.write(b'{"action":"approve","family":"' + family.encode())

    def _compared(self, legal: bool, kind: str, action: Callable[[], object]) -> str | None:
        try:
            action()
        except ShopsightError as error:
            self.tally["refused"] += 1
            return f"{kind} was refused, and is legal: {error}" if legal else None
        self.tally[kind] += 1
        return None if legal else f"{kind} was done, and is illegal"

    def _misrecorded(self, answering: list[str]) -> str | None:
        record = json.loads(self.journal.read_bytes().splitlines()[-1])
        people = [one for one in (record["approver"], record.get("on_behalf_of")) if one is not None]
        return None if people == answering else f"the journal says {people}, and {answering} decided"

    def _wrong(self, kind: str, before: bytes) -> str | None:
        finished = before[: before.rfind(b"\n") + 1]
        if self.journal.exists() and not self.journal.read_bytes().startswith(finished):
            return f"{kind} changed a record that was written before"
        for family, versions in self.versions.items():
            statuses = {one.version: one.status for one in self.registry.versions(family)}
            if statuses != {name: stored.status for name, stored in versions.items()}:
                return f"after {kind} the registry says {statuses} of {family}, and it is {versions}"
        return None

    def _champion(self, family: str) -> str | None:
        return next((name for name, one in self.versions[family].items() if one.status == "champion"), None)

    def _before(self, family: str) -> str | None:
        earlier = {name: one.crowned for name, one in self.versions[family].items() if one.status == "approved"}
        return max(earlier, key=lambda name: earlier[name], default=None)


def walk(folder: Path, *, seed: int) -> tuple[str | None, Counter[str]]:
    """Take one sequence in a folder of its own; return what is wrong with it, and what was done."""
    registry = ModelRegistry(folder / "registry", approvers=folder / "approvers.yml", verdict_days=VERDICT_DAYS)
    one = Walk(registry=registry, folder=toy_candidate(folder / "candidate"), rng=random.Random(seed))
    for number in range(ACTIONS):
        try:
            fault = one.step()
        except ShopsightError as error:
            fault = f"the registry cannot be read any more: {error}"
        if fault is not None:
            return f"sequence {seed}, action {number + 1}: {fault}", one.tally
    try:
        registry.verify()
    except ShopsightError as error:
        return f"sequence {seed}: verify says {error}", one.tally
    return None, one.tally
