"""The model registry: which versions exist, what was decided about them, and which one serves.

Every decision is a record in a keyed, hash-chained journal; the state is what the journal says, and nothing is ever
overwritten. A version's files are copied in whole, and their hashes stand in the record that registered them.

A version is first a ``candidate``. The gate judges it; a named person (or policy) who did not ask for it approves or
rejects it. The approved one is the ``champion``, at once or after it was ``releasing`` beside the one before it, which
stays ``approved``: rolling back makes that one the champion again and the other ``withdrawn``, for good.
"""

import re
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from models.registry.approvers import Act, ApproversFile, Authority
from models.registry.artefacts import copy_durably, hashes_of, make_durable
from models.registry.journal import fsync_folder
from models.registry.journal_key import JournalKey
from models.registry.recorded import RecordedVersions
from models.registry.requirements import (
    IllegalTransitionError,
    UnknownVersionError,
    require_approved,
    require_candidate,
    require_eligible,
    require_holding_verdict,
    require_no_release,
    require_released,
    require_rollback_target,
    require_second_person,
    require_still_serving,
    require_text,
)
from models.registry.version import (
    STAGES,
    Approval,
    ModelVersion,
    champion_of,
    next_version,
    released_of,
    rollback_target,
)
from shopsight.contracts import RELEASE_POLICY, TRAINING_RUN
from shopsight.locking import exclusive
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.evaluation.approval import Verdict
    from models.evaluation.results import Evaluation

__all__ = ["Approval", "IllegalTransitionError", "ModelRegistry", "ModelVersion", "UnknownVersionError"]

Step = Literal["shadow", "canary", "promote", "settle", "withdraw"]
"""What may come of a version under release."""
LOCK_SECONDS: Final = 30.0
"""How long a writer waits for another one."""


class ModelRegistry(RecordedVersions):
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
        super().__init__(root, key)
        self.approvers = ApproversFile(approvers)
        self.verdict_days = verdict_days

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
            if beside != "the present champion":
                require_still_serving(version, beside, champion_of(self._versions(family)))
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
                or too long ago, another version is under release, the approver's name is no person's, or the approver
                asked for it.
            NotAllowedError: the file of approvers does not let the approver, or not with this reason.
            ArtefactChangedError: its files are not those that were judged.
        """
        with self._writing():
            details = self._let_serve(family, version, approver=approver, reason=reason, at=at, requester=requester)
            self._record("approve", family, version, at, **details)
        return self._find(family, version)

    def release(
        self,
        family: str,
        version: str,
        *,
        approver: str,
        reason: str,
        at: datetime,
        requester: str,
        plan: Mapping[str, Any],
    ) -> ModelVersion:
        """Let a candidate serve some requests beside the champion, which it is to follow step by step.

        Args:
            family: the model family.
            version: the candidate.
            approver: as :meth:`approve` takes it.
            reason: why it may serve.
            at: the time of the decision, aware.
            requester: as :meth:`approve` takes it.
            plan: its steps and limits; they stand in the record, whatever is set later.

        Raises:
            IllegalTransitionError: as :meth:`approve` raises it; or no champion is there yet.
            NotAllowedError: as :meth:`approve` raises it.
            ArtefactChangedError: its files are not those that were judged.
        """
        with self._writing():
            details = self._let_serve(family, version, approver=approver, reason=reason, at=at, requester=requester)
            if champion_of(self._versions(family)) is None:
                raise IllegalTransitionError(
                    f"{family} {version} cannot be released step by step.",
                    why="nothing serves yet that it could be compared with",
                    fix=f"make it the champion: `shopsight approve {family}`",
                )
            self._record("release", family, version, at, **details, plan=dict(plan))
        return self._find(family, version)

    def step(
        self,
        family: str,
        version: str,
        step: Step,
        *,
        approver: str,
        reason: str,
        at: datetime,
        evidence: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Record that a version under release goes on, ends its last window, or is stopped.

        Args:
            family: the model family.
            version: what is under release, or was until it became champion.
            step: ``promote`` makes it champion, ``settle`` ends the window after that, ``withdraw`` stops it for good.
            approver: a person, or the policy that watches releases.
            reason: why.
            at: the time, aware.
            evidence: what was counted until then.

        Raises:
            IllegalTransitionError: it is not under release; or who lets it go on asked for it.
            NotAllowedError: the file of approvers does not let the person; the policy needs no line in it.
            ArtefactChangedError: it is to be champion, and its files are not those that were approved.
        """
        require_text(approver=approver, reason=reason)
        with self._writing():
            present = self._find(family, version)
            require_released(present, step)
            act: Act = "roll back" if step == "withdraw" else "approve"
            authority = self._authority(act, family, approver, reason, at, of=present)
            if act == "approve":
                require_second_person(present, authority)
            if step == "promote":
                present.verify()
            action = "stage" if step in STAGES else step
            details = _signed(authority, reason) | {"evidence": dict(evidence or {})}
            self._record(action, family, version, at, stage=step, **details)
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
            self._record("reject", family, version, at, requester=requester, **_signed(authority, reason))
        return self._find(family, version)

    def rollback(
        self,
        family: str,
        *,
        approver: str,
        reason: str,
        at: datetime,
        to: str | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Withdraw the champion, and make the version that was champion before it champion again.

        Args:
            family: the model family.
            approver: a named person, or the policy that watches releases where the champion is watched.
            reason: why the champion may serve no longer.
            at: the time of the decision, aware.
            to: the former champion to return to, a step and a record at a time: those between are withdrawn, too.
            evidence: what was counted of the champion until then.

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
            champion = champion_of(self._versions(family))
            target = require_rollback_target(family, target, champion, to)
            authority = self._authority("roll back", family, approver, reason, at, of=champion)
            require_second_person(target, authority)
            target.verify()
            details = _signed(authority, reason) | ({"evidence": dict(evidence)} if evidence else {})
            step: ModelVersion | None = None
            while step is None or step.version != target.version:
                step = rollback_target(self._versions(family))
                assert step is not None, "the target is approved, so a step leads to it"
                self._record("rollback", family, step.version, at, **details)
        return self._find(family, target.version)

    def package(self, family: str, version: str, *, tag: str, manifest: str, at: datetime) -> None:
        """Record that a Bento was built of an approved version; ``manifest`` is the SHA-256 of its list of files.

        Raises:
            UnknownVersionError: there is no such version.
            IllegalTransitionError: it was not approved.
        """
        with self._writing():
            require_approved(self._find(family, version))
            self._record("package", family, version, at, tag=tag, manifest=manifest)

    def _let_serve(
        self, family: str, version: str, *, approver: str, reason: str, at: datetime, requester: str
    ) -> dict[str, str]:
        """Prove that a candidate may be approved by somebody, and return what the record says of who did."""
        require_text(approver=approver, reason=reason, requester=requester)
        versions, candidate = self._versions(family), self._find(family, version)
        require_candidate(candidate, "approved")
        authority = self.approvers.authority("approve", family, name=approver, reason=reason, at=at)
        require_second_person(candidate, authority, requester=requester)
        require_eligible(candidate)
        require_holding_verdict(candidate, champion_of(versions), at, days=self.verdict_days)
        require_no_release(family, released_of(versions))
        candidate.verify()
        return {"requester": requester, **_signed(authority, reason)}

    def _authority(
        self, act: Act, family: str, name: str, reason: str, at: datetime, *, of: ModelVersion | None
    ) -> Authority:
        """Return by what right somebody decides what becomes of a version."""
        # Who released it let the policy go on with it, and stop it, until its watch is over; and nothing else.
        if name == RELEASE_POLICY and of is not None and (of.status == "releasing" or of.is_watched):
            return Authority(name=name)
        return self.approvers.authority(act, family, name=name, reason=reason, at=at)

    def _writing(self) -> AbstractContextManager[None]:
        return exclusive(self.root / ".lock", what="the model registry", wait_seconds=LOCK_SECONDS)

    def _record(self, action: str, family: str, version: str, at: datetime, **details: Any) -> None:
        if at.tzinfo is None:
            raise ValueError("the time of a decision needs a time zone")
        self._journal.append({"action": action, "family": family, "version": version, "at": at.isoformat(), **details})


def _signed(authority: Authority, reason: str) -> dict[str, str]:
    return {"approver": authority.name, "reason": reason, **authority.details}
