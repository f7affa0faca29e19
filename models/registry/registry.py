"""The model registry: which versions exist, what was decided about them, and which one serves.

Every decision is a record in a keyed, hash-chained journal; the state is what the journal says, and nothing is ever
overwritten. A version's files are copied in whole, and their hashes stand in the record that registered them.

A version is first a ``candidate``. The gate judges it; a named person (or policy) who did not ask for it approves or
rejects it. The approved one is the ``champion``, and the one before it stays ``approved``: rolling back makes it the
champion again and the other ``withdrawn``, for good.
"""

import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from models.registry.approvers import ApproversFile
from models.registry.artefacts import copy_durably, hashes_of, make_durable
from models.registry.journal import Journal, JournalBrokenError, JournalHead, fsync_folder
from models.registry.journal_key import JournalKey
from models.registry.requirements import (
    IllegalTransitionError,
    require_candidate,
    require_eligible,
    require_holding_verdict,
    require_second_person,
    require_still_serving,
    require_text,
)
from models.registry.version import (
    Approval,
    ModelVersion,
    Versions,
    champion_of,
    next_version,
    replay,
    rollback_target,
)
from shopsight.contracts import TRAINING_RUN
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.evaluation.approval import Verdict
    from models.evaluation.results import Evaluation

__all__ = ["Approval", "IllegalTransitionError", "ModelRegistry", "ModelVersion", "UnknownVersionError"]

LOCK_SECONDS: Final = 30.0
"""How long a writer waits for another one."""


class UnknownVersionError(ShopsightError):
    """The registry has no such version."""


class ModelRegistry:
    """The registry in a folder: ``journal.jsonl`` and ``<family>/v0001/…``. Reading needs no lock."""

    def __init__(
        self,
        root: Path,
        key: JournalKey | None = None,
        *,
        approvers: Path | None = None,
        verdict_days: float | None = None,
    ) -> None:
        """Open it.

        Args:
            root: its folder.
            key: of the journal; where it is omitted, it lies in the folder ``keys`` beside ``root``.
            approvers: the file that says who may decide; nobody is asked for where there is none.
            verdict_days: how long the gate's word is good for; ``None``: for ever.
        """
        self.root = root
        self.approvers = ApproversFile(approvers)
        self.verdict_days = verdict_days
        self._journal = Journal(root / "journal.jsonl", key or JournalKey(file=root.parent / "keys" / "registry.key"))

    @classmethod
    def of(cls, settings: Settings) -> "ModelRegistry":
        """Return the registry of a home."""
        given = settings.registry_key.get_secret_value().encode() if settings.registry_key else None
        return cls(
            settings.registry_dir,
            JournalKey(file=settings.keys_dir / "registry.key", given=given),
            approvers=settings.approvers_path,
            verdict_days=settings.verdict_days,
        )

    def register(
        self,
        family: str,
        candidate_dir: Path,
        *,
        evaluation: "Evaluation",
        card: Mapping[str, Any],
        created_at: datetime,
        requester: str = TRAINING_RUN,
        launched_by: str | None = None,
    ) -> ModelVersion:
        """Copy a trained model into the registry as a candidate.

        The journal's record is what makes it a version: a process killed before that leaves a folder that the next
        registration replaces.

        Raises:
            UnsafeArtefactError: the folder holds a pickle, a link, or a format that is not known to be data.
            ValueError: the family's name is not a plain lower-case word, or the evaluation is another family's.
        """
        from models.training import write_results

        if not re.fullmatch(r"[a-z][a-z0-9_]*", family):
            raise ValueError(f"a model family is a lower-case word, not {family!r}")
        if evaluation.family != family:
            raise ValueError(f"the evaluation is of {evaluation.family!r}, not of {family!r}")
        require_text(requester=requester)
        with self._writing():
            version = next_version(self._versions(family))
            target = self.root / family / version
            staging = self.root / family / f".staging-{version}"
            for leftover in (staging, target):
                if leftover.exists():
                    shutil.rmtree(leftover)
            copy_durably(candidate_dir, staging)
            write_results(staging, evaluation, card)
            make_durable(staging)
            files = hashes_of(staging)
            staging.rename(target)
            fsync_folder(target.parent)
            person = {} if launched_by is None else {"launched_by": launched_by}
            self._record("register", family, version, created_at, requester=requester, files=files, **person)
        return self.version(family, version)

    def judge(
        self,
        family: str,
        version: str,
        *,
        verdict: "Verdict",
        at: datetime,
        beside: ModelVersion | Literal["the present champion"] | None = "the present champion",
    ) -> ModelVersion:
        """Record what the gate found about a candidate beside the present champion; the last verdict counts.

        Args:
            family: the model family.
            version: the candidate.
            verdict: of the gate.
            at: when it was made, aware.
            beside: the champion that the gate compared with, so that one of the meantime is noticed.

        Raises:
            IllegalTransitionError: the version is not a candidate any more, or another one serves than ``beside``.
        """
        with self._writing():
            require_candidate(self._find(family, version), "judged")
            champion = champion_of(self._versions(family))
            if beside != "the present champion":
                require_still_serving(version, beside, champion)
            reasons = list(verdict.reasons)
            self._record("judge", family, version, at, eligible=verdict.eligible, reasons=reasons)
        return self._find(family, version)

    def approve(
        self, family: str, version: str, *, approver: str, reason: str, at: datetime, requester: str
    ) -> ModelVersion:
        """Make a candidate the champion.

        Args:
            family: the model family.
            version: the candidate, such as ``v0003``.
            approver: a named person, or the policy that was switched on to approve by itself.
            reason: why it may serve.
            at: the time of the decision, aware.
            requester: who asks for it; neither this nor who registered it may be the approver.

        Raises:
            IllegalTransitionError: it is no candidate, the gate did not find it eligible beside the present champion
                or too long ago, the approver's name is no person's, or the approver asked for it.
            NotAllowedError: the file of approvers does not let the approver, or not with this reason.
            ArtefactChangedError: its files are not those that were judged.
        """
        require_text(approver=approver, reason=reason, requester=requester)
        with self._writing():
            candidate = self._find(family, version)
            require_candidate(candidate, "approved")
            authority = self.approvers.authority("approve", family, name=approver, reason=reason, at=at)
            require_second_person(candidate, authority, requester=requester)
            require_eligible(candidate)
            require_holding_verdict(candidate, champion_of(self._versions(family)), at, days=self.verdict_days)
            candidate.verify()
            decision = {"approver": authority.name, "reason": reason, **authority.details}
            self._record("approve", family, version, at, requester=requester, **decision)
        return self._find(family, version)

    def reject(
        self, family: str, version: str, *, approver: str, reason: str, at: datetime, requester: str
    ) -> ModelVersion:
        """Decide that a candidate will never serve.

        Raises:
            IllegalTransitionError: the version is not a candidate, or a name or the reason is missing.
            NotAllowedError: the file of approvers does not let the approver, or not with this reason.
        """
        require_text(approver=approver, reason=reason, requester=requester)
        with self._writing():
            require_candidate(self._find(family, version), "rejected")
            authority = self.approvers.authority("reject", family, name=approver, reason=reason, at=at)
            decision = {"approver": authority.name, "reason": reason, **authority.details}
            self._record("reject", family, version, at, requester=requester, **decision)
        return self._find(family, version)

    def rollback(self, family: str, *, approver: str, reason: str, at: datetime, to: str | None = None) -> ModelVersion:
        """Withdraw the champion, and make the version that was champion before it champion again.

        Args:
            family: the model family.
            approver: a named person.
            reason: why the champion may serve no longer.
            at: the time of the decision, aware.
            to: the former champion to return to, a step and a record at a time: those between are withdrawn, too.

        Raises:
            IllegalTransitionError: there is no champion, or none was approved before it, or not ``to``; or who rolls
                back asked for the version that would serve.
            NotAllowedError: the file of approvers does not let the approver, or not with this reason.
            UnknownVersionError: the registry has no version ``to``.
            ArtefactChangedError: the earlier version's files are not those that were approved.
        """
        require_text(approver=approver, reason=reason)
        with self._writing():
            target = rollback_target(self._versions(family)) if to is None else self._find(family, to)
            if target is None or target.status != "approved" or champion_of(self._versions(family)) is None:
                raise IllegalTransitionError(
                    f"{family} cannot be rolled back{f' to {to}' if to else ''}.",
                    why=f"it is {target.status}" if target else "no version was approved before the present champion",
                    fix="approve a candidate instead, or name a version that was champion before",
                )
            authority = self.approvers.authority("roll back", family, name=approver, reason=reason, at=at)
            require_second_person(target, authority)
            target.verify()
            decision = {"approver": authority.name, "reason": reason, **authority.details}
            step: ModelVersion | None = None
            while step is None or step.version != target.version:
                step = rollback_target(self._versions(family))
                assert step is not None, "the target is approved, so a step leads to it"
                self._record("rollback", family, step.version, at, **decision)
        return self._find(family, target.version)

    def package(self, family: str, version: str, *, tag: str, manifest: str, at: datetime) -> None:
        """Record that a Bento was built of an approved version; ``manifest`` is the SHA-256 of its list of files.

        Raises:
            UnknownVersionError: there is no such version.
            IllegalTransitionError: it was not approved.
        """
        with self._writing():
            if self._find(family, version).approval is None:
                raise IllegalTransitionError(
                    f"{family} {version} gets no Bento.",
                    why="it was not approved; nothing is served that nobody answers for",
                    fix="approve it first",
                )
            self._record("package", family, version, at, tag=tag, manifest=manifest)

    def versions(self, family: str) -> list[ModelVersion]:
        """Return every version of a family in the order of registration; files are not verified."""
        return list(self._versions(family).values())

    def version_by(self, family: str, version: str, *, records: int) -> ModelVersion | None:
        """Return one version as it was when the journal had a number of records; None where it was none by then.

        Args:
            family: the model family.
            version: its name.
            records: of the whole journal, as a :class:`JournalHead` counts them; files are not verified.
        """
        return replay(self.decisions(family, records=records), self.root).get(family, {}).get(version)

    def decisions(self, family: str, *, records: int) -> list[dict[str, Any]]:
        """Return what was decided about a family while the journal had at most a number of records, oldest first."""
        return [one for one in self._journal.records_of(family) if one["number"] <= records]

    def version(self, family: str, version: str) -> ModelVersion:
        """Return one version, its files verified.

        Raises:
            UnknownVersionError: there is none.
            ArtefactChangedError: a file is not what was registered.
        """
        registered = self._find(family, version)
        registered.verify()
        return registered

    def champion(self, family: str, *, verified: bool = True) -> ModelVersion | None:
        """Return the version that serves; ``None`` before the first approval.

        Args:
            family: the model family.
            verified: prove that its files are those that were registered; a Bento has a copy of its own, which is
                proved by itself.

        Raises:
            ArtefactChangedError: a file is not what was registered.
        """
        champion = champion_of(self._versions(family))
        return _verified(champion) if verified else champion

    def latest_candidate(self, family: str) -> ModelVersion | None:
        """Return the newest version that nobody has decided about, its files verified."""
        newest_first = reversed(self.versions(family))
        return _verified(next((version for version in newest_first if version.status == "candidate"), None))

    def records(self) -> list[dict[str, Any]]:
        """Return all decisions as the journal has them, oldest first.

        Raises:
            JournalBrokenError: one is not what was written.
        """
        return self._journal.records()

    def head(self) -> JournalHead:
        """Return what stands for all decisions until now; kept elsewhere, it tells when some of them are cut off."""
        return self._journal.head()

    def confirm(self, seen: JournalHead, *, by: str) -> None:
        """Prove that every decision until ``seen`` still stands; ``by`` names what holds that head.

        Raises:
            JournalBrokenError: decisions were cut off or written anew since.
        """
        self._journal.confirm(seen, by=by)

    def confirm_all(self, witnesses: Iterable[tuple[str, JournalHead]]) -> None:
        """As :meth:`confirm`, of many, each with what names it: one reading of the journal proves them all."""
        self._journal.confirm_all(witnesses)

    def verify(self) -> str:
        """Prove the journal's chain, that every decision was legal, and every file; return the journal's head.

        Raises:
            JournalBrokenError: a record was changed, or records and folders do not belong together.
            ArtefactChangedError: a file is not what was registered.
        """
        families = replay(self._journal.records(), self.root)
        for version in (version for versions in families.values() for version in versions.values()):
            version.verify()
        for folder in sorted(self.root.glob("*/v*")):
            versions = families.get(folder.parent.name, {})
            # A registration killed just before its record leaves the folder of the next version, and no other.
            if folder.name not in {*versions, next_version(versions)}:
                raise JournalBrokenError(
                    f"{folder} is in no record of the journal.",
                    why="it was put there by hand, or records were cut off the journal's end",
                    fix="restore the journal from a backup, or move the folder away",
                )
        return self.head().hash

    def _versions(self, family: str) -> Versions:
        return replay(self._journal.records_of(family), self.root).get(family, {})

    def _find(self, family: str, version: str) -> ModelVersion:
        versions = self._versions(family)
        if version not in versions:
            raise UnknownVersionError(
                f"The registry has no {family} {version}.",
                why=f"known are: {', '.join(versions) or 'none yet'}",
                fix="train and register a model, or name one of the known versions",
            )
        return versions[version]

    def _writing(self) -> AbstractContextManager[None]:
        return exclusive(self.root / ".lock", what="the model registry", wait_seconds=LOCK_SECONDS)

    def _record(self, action: str, family: str, version: str, at: datetime, **details: Any) -> None:
        if at.tzinfo is None:
            raise ValueError("the time of a decision needs a time zone")
        self._journal.append({"action": action, "family": family, "version": version, "at": at.isoformat(), **details})


def _verified(version: ModelVersion | None) -> ModelVersion | None:
    if version is not None:
        version.verify()
    return version
