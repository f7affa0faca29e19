"""A registered model and its state, as the records of the registry's journal tell it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from models.registry.artefacts import verify_hashes
from models.registry.journal import JournalBrokenError

if TYPE_CHECKING:
    from models.evaluation.results import Evaluation

Status = Literal["candidate", "releasing", "champion", "approved", "rejected", "withdrawn"]
"""``releasing`` serves beside the champion, or is about to; ``approved`` was champion before the present one and can be
rolled back to; ``withdrawn`` was rolled back from, or stopped on its way to be champion."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Who decided about a version, and why."""

    approver: str
    reason: str
    at: str
    """ISO 8601."""
    record: int
    """Number of the decision's record in the journal: of two decisions, the greater is the later."""
    on_behalf_of: str | None = None
    """For whom, where the approver stood in for somebody."""
    approvers_sha256: str | None = None
    """Of the file that knew the approver; None where the home had none."""

    @property
    def who(self) -> str:
        """Who decided, as it is shown: ``B for A`` where B stood in for A."""
        return self.approver if self.on_behalf_of is None else f"{self.approver} for {self.on_behalf_of}"


@dataclass(frozen=True, kw_only=True)
class ReleaseStep:
    """A step of a version on its way from its approval to be the champion for good, or back."""

    step: str
    """``approved``, ``shadow``, ``canary``, ``champion``, ``settled`` or ``withdrawn``."""
    by: str
    """A person, or the policy that watches releases."""
    reason: str
    at: str
    """ISO 8601."""
    record: int
    """Number of the step's record in the journal."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What was counted until then; nothing where nobody counted."""
    on_behalf_of: str | None = None
    """For whom, where a person who took it stood in for somebody."""
    approvers_sha256: str | None = None
    """Of the file that knew the person; None where the home had none, or the policy took it."""

    @property
    def decision(self) -> Approval:
        """Who took it, and why, as of any other decision."""
        return Approval(
            approver=self.by,
            reason=self.reason,
            at=self.at,
            record=self.record,
            on_behalf_of=self.on_behalf_of,
            approvers_sha256=self.approvers_sha256,
        )


@dataclass(frozen=True)
class PackagedBento:
    """A Bento that was built of a version, and what proves that it is still the same."""

    tag: str
    manifest: str
    """SHA-256 of the Bento's list of its files and their hashes."""


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One registered model."""

    family: str
    version: str
    """``v0001`` and so on, in the order of registration."""
    path: Path
    """Folder with the artefact, ``evaluation.json`` and ``card.json``; to be read only."""
    status: Status
    created_at: str
    """ISO 8601."""
    requester: str
    """Who or what trained it and asks for it to be approved."""
    files: Mapping[str, str] = field(repr=False)
    """SHA-256 of each file, by its path inside the folder."""
    eligible: bool | None = None
    """What the gate said last; ``None`` before it was asked."""
    reasons: tuple[str, ...] = ()
    """The gate's sentences about what stands against it."""
    judged_beside: str | None = None
    """The champion's version when the gate spoke last; ``None`` where nothing served yet."""
    judged_at: str | None = None
    """When the gate spoke last, in ISO 8601; ``None`` before it was asked."""
    judged_in: int | None = None
    """Number of that verdict's record in the journal."""
    launched_by: str | None = None
    """The logged-in person who launched the run that registered it; ``None``: a schedule did, or nobody knows."""
    approval: Approval | None = None
    """The decision that last made it champion."""
    rejection: Approval | None = None
    """The decision that it will never serve."""
    bentos: tuple[PackagedBento, ...] = ()
    """Its Bentos, the newest last."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """How it is released, as its approval recorded it; nothing where it became champion at once."""
    steps: tuple[ReleaseStep, ...] = ()
    """Its steps of release, the newest last."""

    @property
    def is_watched(self) -> bool:
        """Whether it became champion by a release whose last window is not over."""
        return self.status == "champion" and bool(self.steps) and self.steps[-1].step == "champion"

    @property
    def evaluation(self) -> "Evaluation":
        """The figures it was registered with."""
        from models.training import read_evaluation

        return read_evaluation(self.path)

    @property
    def card(self) -> dict[str, Any]:
        """The model card it was registered with."""
        from models.training import read_card

        return read_card(self.path)

    def verify(self) -> None:
        """Prove that the files are those that were registered.

        Raises:
            ArtefactChangedError: one is not; the message names it.
        """
        verify_hashes(self.path, self.files)


STAGES: Final = ("shadow", "canary")
"""What a version under release goes through before it is the champion."""

Versions = dict[str, ModelVersion]
"""The versions of one family, by name, in the order of registration."""


def replay(records: Iterable[Mapping[str, Any]], root: Path) -> dict[str, Versions]:
    """Return the versions of every family after all records, proving that each was a legal step.

    Raises:
        JournalBrokenError: a record's action was not allowed in the state before it.
    """
    families: dict[str, Versions] = {}
    for record in records:
        versions = families.setdefault(record["family"], {})
        if not _apply(versions, record, root):
            raise JournalBrokenError(
                f"Record {record['number']} of the registry's journal is not a legal step.",
                why=f"its {record['action']} of {record['family']} {record['version']} is forbidden in that state",
                fix="restore the journal from a backup",
            )
    return families


def next_version(versions: Versions) -> str:
    """Return the name of the version after the last."""
    return f"v{len(versions) + 1:04d}"


def champion_of(versions: Versions) -> ModelVersion | None:
    """Return the version that serves."""
    return next((version for version in versions.values() if version.status == "champion"), None)


def rollback_target(versions: Versions) -> ModelVersion | None:
    """Return the version that a rollback makes champion: the one last approved before the present champion."""
    earlier = [version for version in versions.values() if version.status == "approved"]
    return max(earlier, key=lambda version: version.approval.record if version.approval else 0, default=None)


def _apply(versions: Versions, record: Mapping[str, Any], root: Path) -> bool:
    """Take one step, and tell whether it was legal."""
    name = record["version"]
    registered = versions.get(name)
    candidate = registered is not None and registered.status == "candidate"
    match record["action"]:
        case "register" if name == next_version(versions):
            versions[name] = ModelVersion(
                family=record["family"],
                version=name,
                path=root / record["family"] / name,
                status="candidate",
                created_at=record["at"],
                requester=record["requester"],
                files=record["files"],
                launched_by=record.get("launched_by"),
            )
        case "judge" if registered and candidate:
            beside = champion_of(versions)
            versions[name] = replace(
                registered,
                eligible=record["eligible"],
                reasons=tuple(record["reasons"]),
                judged_beside=beside.version if beside else None,
                judged_at=record["at"],
                judged_in=record["number"],
            )
        case "reject" if registered and candidate:
            versions[name] = replace(registered, status="rejected", rejection=_decision(record))
        case "approve" if registered and candidate and registered.eligible is True:
            _crown(versions, registered, record, former="approved")
        case "rollback" if registered and champion_of(versions) and registered == rollback_target(versions):
            _crown(versions, registered, record, former="withdrawn")
        case "package" if registered and registered.approval:
            bento = PackagedBento(record["tag"], record["manifest"])
            versions[name] = replace(registered, bentos=(*registered.bentos, bento))
        case _:
            return registered is not None and _apply_release(versions, registered, record)
    return True


def _apply_release(versions: Versions, registered: ModelVersion, record: Mapping[str, Any]) -> bool:
    """Take one step of a release, and tell whether it was legal."""
    name, releasing = registered.version, registered.status == "releasing"
    is_fit = registered.status == "candidate" and registered.eligible is True
    match record["action"]:
        case "release" if is_fit and not released_of(versions):
            approved = replace(registered, status="releasing", approval=_decision(record), plan=record["plan"])
            versions[name] = _stepped(approved, record, "approved")
        case "stage" if releasing and record["stage"] in STAGES:
            versions[name] = _stepped(registered, record, record["stage"])
        case "promote" if releasing and champion_of(versions):
            _crown(versions, _stepped(registered, record, "champion"), record, former="approved")
        case "settle" if registered.is_watched:
            versions[name] = _stepped(registered, record, "settled")
        case "withdraw" if releasing:
            versions[name] = _stepped(replace(registered, status="withdrawn"), record, "withdrawn")
        case _:
            return False
    return True


def released_of(versions: Versions) -> ModelVersion | None:
    """Return the version that is on its way to be the champion."""
    return next((version for version in versions.values() if version.status == "releasing"), None)


def _crown(versions: Versions, version: ModelVersion, record: Mapping[str, Any], *, former: Status) -> None:
    champion = champion_of(versions)
    if champion is not None:
        replaced = replace(champion, status=former)
        versions[champion.version] = _stepped(replaced, record, "withdrawn") if former == "withdrawn" else replaced
    versions[version.version] = replace(version, status="champion", approval=_decision(record))


def _decision(record: Mapping[str, Any]) -> Approval:
    return Approval(
        approver=record["approver"],
        reason=record["reason"],
        at=record["at"],
        record=record["number"],
        on_behalf_of=record.get("on_behalf_of"),
        approvers_sha256=record.get("approvers_sha256"),
    )


def _stepped(version: ModelVersion, record: Mapping[str, Any], step: str) -> ModelVersion:
    taken = ReleaseStep(
        step=step,
        by=record["approver"],
        reason=record["reason"],
        at=record["at"],
        record=record["number"],
        evidence=record.get("evidence", {}),
        on_behalf_of=record.get("on_behalf_of"),
        approvers_sha256=record.get("approvers_sha256"),
    )
    return replace(version, steps=(*version.steps, taken))
