"""Who may decide about which models: ``approvers.yml`` of the home, read anew for each decision.

The file says who is who, what each of them may do, who stands in for whom and until when, and what a reason has to
look like. Where a home has no such file, whoever is let in decides, as the gateway and the command line name them.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from models.registry.names import are_alike, is_a_name, spelling_of
from shopsight.books import read_book
from shopsight.contracts import APPROVAL_POLICY, RELEASE_POLICY, TRAINING_RUN
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES

Act = Literal["approve", "reject", "roll back"]
Role = Literal["approver", "on call", "observer"]

MAY: Final[dict[Role, tuple[Act, ...]]] = {
    "approver": ("approve", "reject", "roll back"),
    "on call": ("reject", "roll back"),
    "observer": (),
}
"""What each role may do: who is on call stops a model at night, and lets none serve that nobody approved."""

PAGE: Final = "docs/approval.md"


class ApproversError(ShopsightError):
    """The file of approvers cannot be read, or says something that cannot be."""


class NotAllowedError(ShopsightError):
    """The file of approvers does not let this person decide this, or not with this reason."""


def _is_a_person(name: str) -> str:
    if not is_a_name(name):
        raise ValueError(f"{name!r} is no name: it has no letter, or a character that nobody sees")
    if any(are_alike(name, service) for service in (APPROVAL_POLICY, RELEASE_POLICY, TRAINING_RUN)):
        raise ValueError(f"{name!r} is no person: shopsight itself signs with this name")
    return " ".join(name.split())


def _is_a_family(family: str) -> str:
    if family not in FAMILIES:
        raise ValueError(f"no model family is called {family!r}; there are {', '.join(FAMILIES)}")
    return family


Name = Annotated[str, AfterValidator(_is_a_person)]
Family = Annotated[str, AfterValidator(_is_a_family)]


class _Lines(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Approver(_Lines):
    """A person whom the file knows."""

    name: Name
    role: Role = "approver"
    families: tuple[Family, ...] = ()
    """What the person decides about; empty: every family."""
    email: str = Field(default="", pattern=r"^([^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+)?$")
    """Where the person is written to; empty: nowhere."""

    def may(self, act: Act, family: str) -> bool:
        """Return whether the person may do this by the role alone."""
        return act in MAY[self.role] and (not self.families or family in self.families)


class Delegation(_Lines):
    """Who stands in for whom; both days are in it, and they begin and end in UTC."""

    lender: Name = Field(alias="from")
    deputy: Name = Field(alias="to")
    since: date
    until: date
    families: tuple[Family, ...] = ()
    """What the deputy decides about of what the other may; empty: all of it."""

    @model_validator(mode="after")
    def _goes_from_one_to_another(self) -> "Delegation":
        if are_alike(self.lender, self.deputy):
            raise ValueError(f"{self.lender} stands in for nobody else")
        if self.until < self.since:
            raise ValueError(f"it ends on {self.until}, before it begins on {self.since}")
        return self

    def holds(self, family: str, at: datetime) -> bool:
        """Return whether it is in force at a moment, for a family."""
        return self.since <= at.astimezone(UTC).date() <= self.until and (not self.families or family in self.families)


class Reasons(_Lines):
    """What a person's reason has to look like, beyond that there is one."""

    min_length: int = Field(default=0, ge=0, le=1_000)
    """Characters, with blanks in a row counted once."""
    words: tuple[str, ...] = ()
    """At least one of these stands in it, in whatever case, such as ``ticket``; empty: none has to."""

    def require(self, reason: str) -> None:
        """Return where a reason is one.

        Raises:
            NotAllowedError: it is too short, or lacks every one of the words.
        """
        text = " ".join(reason.split())
        if len(text) < self.min_length:
            raise _refused(
                "the reason is too short",
                why=f"it has {len(text)} characters, and approvers.yml asks for {self.min_length}",
                fix="say in a sentence what was looked at, and what it showed",
            )
        if self.words and not any(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, flags=re.IGNORECASE) for word in self.words
        ):
            raise _refused(
                "the reason lacks a word",
                why=f"approvers.yml asks for one of: {', '.join(self.words)}",
                fix="say it with that word, such as the ticket in which it was discussed",
            )


class Directory(_Lines):
    """What the file says."""

    approvers: tuple[Approver, ...] = Field(min_length=1)
    delegations: tuple[Delegation, ...] = ()
    reasons: Reasons = Reasons()
    automatic: tuple[Family, ...] = ()
    """Families that the policy may approve by itself, where ``SHOPSIGHT_APPROVAL_POLICY`` is automatic."""

    @model_validator(mode="after")
    def _names_are_of_one_person_each(self) -> "Directory":
        for number, one in enumerate(self.approvers):
            for other in self.approvers[:number]:
                if are_alike(one.name, other.name):
                    raise ValueError(f"{one.name!r} and {other.name!r} could be taken for one another")
        for name in (name for one in self.delegations for name in (one.lender, one.deputy)):
            if self.person(name) is None:
                raise ValueError(f"a delegation names {name!r}, whom `approvers` does not list")
        return self

    def person(self, name: str) -> Approver | None:
        """Return whom a name is of; case and signs do not matter, and letters of another alphabet are others."""
        return next((one for one in self.approvers if spelling_of(one.name) == spelling_of(name)), None)

    def lender_to(self, deputy: Approver, act: Act, family: str, at: datetime) -> Approver | None:
        """Return for whom a person may decide this now; what was lent is not lent on."""
        for one in self.delegations:
            lender = self.person(one.lender)
            if lender and self.person(one.deputy) == deputy and one.holds(family, at) and lender.may(act, family):
                return lender
        return None

    def those_who_may(self, act: Act, family: str, at: datetime) -> list[Approver]:
        """Return everybody who may decide this now, deputies included, in the order of the file."""
        return [
            one for one in self.approvers if one.may(act, family) or self.lender_to(one, act, family, at) is not None
        ]


@dataclass(frozen=True, kw_only=True)
class Authority:
    """By what right a decision is made, as the journal keeps it."""

    name: str
    """Who decides, as the file spells it; where there is none, as was given."""
    on_behalf_of: str | None = None
    """For whom, where it was not the person's own right."""
    file: str | None = None
    """SHA-256 of the file that gave the right; None where the home has none."""

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who answers for the decision."""
        return (self.name,) if self.on_behalf_of is None else (self.name, self.on_behalf_of)

    @property
    def details(self) -> dict[str, str]:
        """What a record of the journal says of it beside the name."""
        details = {"on_behalf_of": self.on_behalf_of, "approvers_sha256": self.file}
        return {name: value for name, value in details.items() if value is not None}


class ApproversFile:
    """The file of a home, which need not be there."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def read(self) -> tuple[Directory, str] | None:
        """Return what the file says, and its SHA-256; None where there is none.

        Raises:
            ApproversError: it cannot be read, or is not valid; nobody may decide until it is.
        """
        if self.path is None:
            return None
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise ApproversError(
                f"The approvers in {self.path} cannot be read.",
                why=str(cause),
                fix="mend the file; nobody decides until",
            ) from cause
        return _parsed(content, self.path), hashlib.sha256(content).hexdigest()

    def authority(self, act: Act, family: str, *, name: str, reason: str, at: datetime) -> Authority:
        """Return by what right somebody decides.

        Args:
            act: what is decided.
            family: about which family.
            name: who decides; also the policy's name.
            reason: as it was given.
            at: when, aware.

        Raises:
            ApproversError: the file cannot be read.
            NotAllowedError: it does not let the person, or not with this reason.
        """
        content = self.read()
        if content is None:
            return Authority(name=name)
        directory, digest = content
        if are_alike(name, APPROVAL_POLICY):
            if act == "approve" and family in directory.automatic:
                return Authority(name=name, file=digest)
            raise _refused(
                f"the policy may not {act} {family}",
                why="approvers.yml does not name the family under `automatic`",
                fix="have a person decide, or name it there",
            )
        person = directory.person(name)
        own = person is not None and person.may(act, family)
        lender = None if person is None or own else directory.lender_to(person, act, family, at)
        if person is None or not (own or lender):
            raise _not_allowed(directory, person, act, family, name=name, at=at)
        directory.reasons.require(reason)
        return Authority(name=person.name, on_behalf_of=lender.name if lender else None, file=digest)


def _parsed(content: bytes, path: Path) -> Directory:
    return read_book(Directory, path, what="approvers", page=PAGE, error=ApproversError, content=content)


def _not_allowed(
    directory: Directory, person: Approver | None, act: Act, family: str, *, name: str, at: datetime
) -> NotAllowedError:
    able = ", ".join(one.name for one in directory.those_who_may(act, family, at)) or "nobody"
    if person is not None:
        why = f"{person.name} is there as {person.role!r}"
        why += f" of {', '.join(person.families)}" if person.families else ""
    else:
        alike = next((one.name for one in directory.approvers if are_alike(one.name, name)), None)
        why = "approvers.yml has no such name" + (f", and it only looks like {alike!r}" if alike else "")
    return _refused(
        f"{name} may not {act} {family}",
        why=why,
        fix=f"ask one of those who may: {able}; or change approvers.yml ({PAGE})",
    )


def _refused(what: str, *, why: str, fix: str) -> NotAllowedError:
    return NotAllowedError(f"{what[0].upper()}{what[1:]}.", why=why, fix=fix)
