"""What the registry's journal says of its versions; reading needs no lock, and changes nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.registry.journal import Journal, JournalHead
from models.registry.journal_key import JournalKey
from models.registry.requirements import require_recorded, version_in
from models.registry.version import ModelVersion, Versions, champion_of, released_of, replay


class RecordedVersions:
    """The versions of a registry's folder, as its journal tells them."""

    def __init__(self, root: Path, key: JournalKey | None = None) -> None:
        """Open it.

        Args:
            root: its folder.
            key: of the journal; where it is omitted, it lies in the folder ``keys`` beside ``root``.
        """
        self.root = root
        self._journal = Journal(root / "journal.jsonl", key or JournalKey(file=root.parent / "keys" / "registry.key"))

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

    def released(self, family: str) -> ModelVersion | None:
        """Return what is on its way to be the champion, or became it and is still watched; files are not verified."""
        versions = self._versions(family)
        champion = champion_of(versions)
        return released_of(versions) or (champion if champion is not None and champion.is_watched else None)

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
        require_recorded(self.root.glob("*/v*"), families)
        return self.head().hash

    def _versions(self, family: str) -> Versions:
        return replay(self._journal.records_of(family), self.root).get(family, {})

    def _find(self, family: str, version: str) -> ModelVersion:
        return version_in(self._versions(family), family, version)


def _verified(version: ModelVersion | None) -> ModelVersion | None:
    if version is not None:
        version.verify()
    return version
