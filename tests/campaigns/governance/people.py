"""The cast of the campaign, and what a file of approvers lets each of them do by a plain model of its own."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

FAMILIES: Final = ("intent", "churn")
POLICY: Final = "automatic approval policy"
TRAINING: Final = "training run"

SPELLINGS: Final[Mapping[str, str]] = {
    "Ada": "ada",
    "ADA": "ada",
    "Grace": "grace",
    "Olga": "olga",
    "Vera": "vera",
    "Bob": "bob",
    "\u0410d\u0430": "cyrillic ada",
    POLICY: "policy",
    "Automatic Approval-Policy": "policy",
    TRAINING: "training",
    "Training-Run": "training",
    "tr\u0430ining run": "cyrillic training",
}
"""Whose name a text is."""
LOOKS: Final[Mapping[str, str]] = {"cyrillic ada": "ada", "cyrillic training": "training"}
"""What a name is taken for by the eye."""
NO_NAMES: Final = ("", "  ", ".", "Ada\u200b", "\u3164")
REASONS: Final = ("ticket 12: beats the champion on every slice", "looks fine to me, all of it", "ok", "", "--")
MEMBERS: Final = ("Ada", "Grace", "Olga", "Vera")
RIGHTS: Final = {
    "approver": {"approve", "reject", "rollback"},
    "on call": {"reject", "rollback"},
    "observer": set[str](),
}


def taken_for(name: str) -> str:
    """Return who the eye takes a name for."""
    return LOOKS.get(SPELLINGS[name], SPELLINGS[name])


@dataclass(frozen=True, kw_only=True)
class File:
    """A drawn file of approvers, and what it must mean."""

    approvers: Sequence[Mapping[str, Any]] = ()
    delegations: Sequence[Mapping[str, Any]] = ()
    reasons: Mapping[str, Any] = field(default_factory=dict)
    automatic: Sequence[str] = ()
    state: str = "absent"
    """``absent``, ``broken`` or ``good``."""

    def write(self, path: Path) -> None:
        """Put it in force."""
        if self.state == "absent":
            path.unlink(missing_ok=True)
        elif self.state == "broken":
            path.write_text("approvers: [{name: Ada}, {name: \u0410d\u0430}]\n")
        else:
            document = {name: getattr(self, name) for name in ("approvers", "delegations", "reasons", "automatic")}
            path.write_text(yaml.safe_dump(document, allow_unicode=True))

    def people_who_answer(self, act: str, family: str, *, name: str, reason: str, at: datetime) -> list[str] | None:
        """Return who answers for a decision, the one who makes it first; None where it may not be made."""
        if self.state == "absent":
            return [name]
        if self.state == "broken":
            return None
        if taken_for(name) == "policy":
            return [name] if act == "approve" and family in self.automatic else None
        person = next((one for one in self.approvers if SPELLINGS[one["name"]] == SPELLINGS[name]), None)
        if person is None or not self._is_reason(reason):
            return None
        if self._may(person, act, family):
            return [person["name"]]
        for one in self.delegations:
            lender = next(other for other in self.approvers if other["name"] == one["from"])
            if (
                one["to"] == person["name"]
                and one["since"] <= at.date() <= one["until"]
                and family in (one.get("families") or FAMILIES)
                and self._may(lender, act, family)
            ):
                return [person["name"], lender["name"]]
        return None

    def _may(self, person: Mapping[str, Any], act: str, family: str) -> bool:
        return act in RIGHTS[person["role"]] and family in (person["families"] or FAMILIES)

    def _is_reason(self, reason: str) -> bool:
        words = self.reasons.get("words") or []
        return len(reason) >= self.reasons.get("min_length", 0) and (not words or "ticket" in reason)


def drawn_file(rng: random.Random, at: datetime) -> File:
    """Return a file of approvers, most of them good ones."""
    state = rng.choice(("absent", "absent", "broken", "good", "good", "good", "good", "good"))
    if state != "good":
        return File(state=state)
    members = rng.sample(MEMBERS, rng.randint(2, 4))
    approvers = [
        {"name": name, "role": rng.choice((*RIGHTS, "approver", "observer")), "families": _some(rng, FAMILIES)}
        for name in members
    ]
    delegations = [_drawn_delegation(rng, members, at.date()) for _ in range(rng.randint(0, 3))]
    reasons = rng.choice(({}, {}, {"min_length": 12}, {"words": ["ticket"]}))
    return File(
        approvers=approvers,
        delegations=delegations,
        reasons=reasons,
        automatic=_some(rng, FAMILIES),
        state=state,
    )


def _drawn_delegation(rng: random.Random, members: Sequence[str], today: date) -> dict[str, Any]:
    lender, deputy = rng.sample(members, 2)
    since = today + timedelta(days=rng.randint(-20, 8))
    until = since + timedelta(days=rng.randint(0, 20))
    families = _some(rng, FAMILIES) if rng.random() < 0.3 else []
    return {"from": lender, "to": deputy, "since": since, "until": until, "families": families}


def _some(rng: random.Random, options: Sequence[str]) -> list[str]:
    return rng.sample(options, rng.randint(0, len(options)))
