"""The model registry: which versions exist, what was decided about them, and which one serves.

Every decision is a record in a keyed, hash-chained journal; the state is what the journal says, and nothing is ever
overwritten. A version's files are copied in whole, and their hashes stand in the record that registered them.

A version is first a ``candidate``. The gate judges it; a named person (or policy) who did not ask for it approves or
rejects it. The approved one is the ``champion``, at once or after it was ``releasing`` beside the one before it, which
stays ``approved``: rolling back makes that one the champion again and the other ``withdrawn``, for good.
"""

import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from models.registry.artefacts import copy_durably, hashes_of, make_durable
from models.registry.journal import Journal, JournalHead, fsync_folder
from models.registry.journal_key import JournalKey
from models.registry.legality import (
    IllegalTransitionError,
    UnknownVersionError,
    require_approved,
    require_candidate,
    require_eligible,
    require_judged_beside,
    require_no_release,
    require_recorded,
    require_released,
    require_rollback_target,
    require_second_person,
    require_text,
    version_in,
)
from models.registry.version import (
    STAGES,
    Approval,
    ModelVersion,
    Versions,
    champion_of,
    next_version,
    released_of,
    replay,
    rollback_target,
)
from shopsight.contracts import TRAINING_RUN
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


class ModelRegistry:
    """The registry in a folder: ``journal.jsonl`` and ``<family>/v0001/…``. Reading needs no lock."""

    def __init__(self, root: Path, key: JournalKey | None = None) -> None:
        """Open it; without ``key``, the journal's key lies in the folder ``keys`` beside ``root``."""
        self.root = root
        self._journal = Journal(root / "journal.jsonl", key or JournalKey(file=root.parent / "keys" / "registry.key"))

    @classmethod
    def of(cls, settings: Settings) -> "ModelRegistry":
        """Return the registry of a home."""
        given = settings.registry_key.get_secret_value().encode() if settings.registry_key else None
        return cls(settings.registry_dir, JournalKey(file=settings.keys_dir / "registry.key", given=given))

    def register(
        self,
        family: str,
        candidate_dir: Path,
        *,
        evaluation: "Evaluation",
        card: Mapping[str, Any],
        created_at: datetime,
        requester: str = TRAINING_RUN,
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
            self._record("register", family, version, created_at, requester=requester, files=files)
        return self.version(family, version)

    def judge(self, family: str, version: str, *, verdict: "Verdict", at: datetime) -> ModelVersion:
        """Record what the gate found about a candidate beside the present champion; the last verdict counts.

        Raises:
            IllegalTransitionError: the version is not a candidate any more.
        """
        with self._writing():
            require_candidate(self._find(family, version), "judged")
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
            IllegalTransitionError: it is no candidate, the gate did not find it eligible beside the present champion,
                the approver's name is no person's, or the approver asked for it.
            ArtefactChangedError: its files are not those that were judged.
        """
        with self._writing():
            self._require_fit_to_serve(family, version, approver=approver, reason=reason, requester=requester)
            self._record("approve", family, version, at, approver=approver, requester=requester, reason=reason)
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
            ArtefactChangedError: its files are not those that were judged.
        """
        with self._writing():
            self._require_fit_to_serve(family, version, approver=approver, reason=reason, requester=requester)
            if champion_of(self._versions(family)) is None:
                raise IllegalTransitionError(
                    f"{family} {version} cannot be released step by step.",
                    why="nothing serves yet that it could be compared with",
                    fix=f"make it the champion: `shopsight approve {family}`",
                )
            names = {"approver": approver, "requester": requester, "reason": reason}
            self._record("release", family, version, at, **names, plan=dict(plan))
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
            IllegalTransitionError: it is not under release.
            ArtefactChangedError: it is to be champion, and its files are not those that were approved.
        """
        require_text(approver=approver, reason=reason)
        details = {"approver": approver, "reason": reason, "evidence": dict(evidence or {})}
        with self._writing():
            present = self._find(family, version)
            require_released(present, step)
            if step == "promote":
                present.verify()
            self._record("stage" if step in STAGES else step, family, version, at, stage=step, **details)
        return self._find(family, version)

    def reject(
        self, family: str, version: str, *, approver: str, reason: str, at: datetime, requester: str
    ) -> ModelVersion:
        """Decide that a candidate will never serve.

        Raises:
            IllegalTransitionError: the version is not a candidate, or a name or the reason is missing.
        """
        require_text(approver=approver, reason=reason, requester=requester)
        with self._writing():
            require_candidate(self._find(family, version), "rejected")
            self._record("reject", family, version, at, approver=approver, requester=requester, reason=reason)
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
            approver: a named person.
            reason: why the champion may serve no longer.
            at: the time of the decision, aware.
            to: the former champion to return to, a step and a record at a time: those between are withdrawn, too.
            evidence: what was counted of the champion until then.

        Raises:
            IllegalTransitionError: there is no champion, or none was approved before it, or not ``to``.
            UnknownVersionError: the registry has no version ``to``.
            ArtefactChangedError: the earlier version's files are not those that were approved.
        """
        require_text(approver=approver, reason=reason)
        with self._writing():
            target = rollback_target(self._versions(family)) if to is None else self._find(family, to)
            target = require_rollback_target(family, target, champion_of(self._versions(family)), to)
            target.verify()
            step: ModelVersion | None = None
            while step is None or step.version != target.version:
                step = rollback_target(self._versions(family))
                assert step is not None, "the target is approved, so a step leads to it"
                counted = {"evidence": dict(evidence)} if evidence else {}
                self._record("rollback", family, step.version, at, approver=approver, reason=reason, **counted)
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
        by_then = [one for one in self._journal.records_of(family) if one["number"] <= records]
        return replay(by_then, self.root).get(family, {}).get(version)

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

    def released(self, family: str) -> ModelVersion | None:
        """Return what is on its way to be the champion, or became it and is still watched; files are not verified."""
        versions = self._versions(family)
        champion = champion_of(versions)
        return released_of(versions) or (champion if champion is not None and champion.is_watched else None)

    def latest_candidate(self, family: str) -> ModelVersion | None:
        """Return the newest version that nobody has decided about, its files verified."""
        newest_first = reversed(self.versions(family))
        return _verified(next((version for version in newest_first if version.status == "candidate"), None))

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
        require_recorded(self.root.glob("*/v*"), families)
        return self.head().hash

    def _versions(self, family: str) -> Versions:
        return replay(self._journal.records_of(family), self.root).get(family, {})

    def _require_fit_to_serve(self, family: str, version: str, *, approver: str, reason: str, requester: str) -> None:
        require_text(approver=approver, reason=reason, requester=requester)
        versions, candidate = self._versions(family), self._find(family, version)
        require_candidate(candidate, "approved")
        require_second_person(candidate, approver=approver, requester=requester)
        require_eligible(candidate)
        require_judged_beside(candidate, champion_of(versions))
        require_no_release(family, released_of(versions))
        candidate.verify()

    def _find(self, family: str, version: str) -> ModelVersion:
        return version_in(self._versions(family), family, version)

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
