"""What a dossier's figures are read from, each by its evidence: ``SOURCE#/path``, as in ``evaluation.json#/cases``.

===================  ====================================================================================
``FILE.json``        a file of the version, proved to be what was registered
``v0001:FILE.json``  the same of a former version
``journal``          the family's records in the registry's journal, by number
``registry``         what the journal said of the version when it was as long as the dossier says
``gate``             the gate, asked again: from both evaluations and the drift that the card names
``marts``            rows of the marts that the family is trained on, as they are now
``rules``            the shop's rules for its lists, as they are now
===================  ====================================================================================

The last two move on after a dossier was written; each names the state that it was read from by a digest.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from models.evaluation.approval import DriftSummary, Verdict, gate, gate_of_baseline
from models.registry.journal import JournalHead
from models.registry.registry import ModelRegistry, UnknownVersionError
from models.registry.version import ModelVersion
from models.training import read_evaluation
from shopsight.families import FAMILIES
from shopsight.marts import MANIFEST, export_path, mart_at, mart_exists, open_duckdb
from shopsight.settings import Settings

LIVE: Final = ("marts", "rules")
"""Sources that move on after a dossier was written."""
TRAINED_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "recommender": ("interactions", "items"),
    "intent": ("utterances", "reviews"),
}
"""Marts of the families whose training set is more than one table."""


class Missing:
    """The value of evidence that is not there: nobody wrote it down, or it never applied."""


MISSING: Final = Missing()


class Sources:
    """Everything that a dossier says is read from here; files are proved before the first of them is read."""

    def __init__(self, settings: Settings, family: str, version: str, head: JournalHead) -> None:
        """Open what is known of a version when the journal was as long as ``head`` says.

        Raises:
            UnknownVersionError: there was no such version by then.
            ArtefactChangedError: a file of it is not what was registered.
            JournalBrokenError: the journal is not the one that had that head.
        """
        self.settings = settings
        self.family = family
        self.head = head
        self.registry = ModelRegistry.of(settings)
        self.registry.confirm(head, by=f"the dossier of {family} {version}")
        self.records = {one["number"]: one for one in self.registry.decisions(family, records=head.records)}
        self.version = self._version(version)
        self.version.verify()
        self._files: dict[str, Any] = {}

    def value(self, evidence: str) -> Any:
        """Return what some evidence says, or :data:`MISSING`."""
        source, _, path = evidence.partition("#")
        inside = self._source(source)
        for step in filter(None, path.split("/")):
            inside = _inner(inside, step.replace("~1", "/").replace("~0", "~"))
        return inside

    def keys(self, evidence: str) -> list[str]:
        """Return the names of what lies below some evidence, in order; none where it is not there."""
        inside = self.value(evidence)
        if isinstance(inside, Mapping):
            return list(inside)
        return [str(place) for place in range(len(inside))] if isinstance(inside, list) else []

    def leaves(self, evidence: str) -> Iterator[tuple[str, str]]:
        """Yield the dotted name and the evidence of every single value below some evidence."""
        for key in self.keys(evidence):
            inner = f"{evidence}/{step(key)}"
            if self.keys(inner):
                yield from ((f"{key}.{name}", place) for name, place in self.leaves(inner))
            else:
                yield key, inner

    @cached_property
    def former(self) -> ModelVersion | None:
        """The version that this one is compared with: that which served before it, or else that registered before."""
        earlier = [
            one for name in self._names() if name < self.version.version and (one := self._version(name)) is not None
        ]
        served = [one for one in earlier if one.approval is not None]
        there = [one for one in (served or earlier) if one.path.is_dir()]
        if not there:
            return None
        there[-1].verify()
        return there[-1]

    @cached_property
    def verdict(self) -> Verdict | None:
        """What the gate says when it is asked again; None where the card does not say what drift it was told of."""
        drift, beside = self.value("card.json#/drift"), self.version.judged_beside
        if not isinstance(drift, Mapping):
            return None
        serving = self._version(beside).evaluation if beside and self._version(beside).path.is_dir() else None
        summary = DriftSummary(state=drift["state"], detail=drift["detail"])
        evaluation = self.version.evaluation
        if not evaluation.is_baseline:
            return gate(evaluation, serving, summary)
        # A baseline stands in for the version that was registered just before it.
        names = self._names()
        refused = self._version(names[names.index(self.version.version) - 1])
        return gate_of_baseline(evaluation, serving, refused=gate(read_evaluation(refused.path), serving, summary))

    def _source(self, source: str) -> Any:
        match source:
            case "journal":
                return {str(number): record for number, record in self.records.items()}
            case "registry" | "gate" | "marts" | "rules":
                return getattr(self, f"_{source}")
        version, colon, name = source.rpartition(":")
        of = self._version(version) if colon else self.version
        if source not in self._files:
            path = of.path / name
            self._files[source] = json.loads(path.read_text()) if name in of.files and path.exists() else MISSING
        return self._files[source]

    @cached_property
    def _registry(self) -> dict[str, Any]:
        version = self.version
        return {
            "version": version.version,
            "status": version.status,
            "created_at": version.created_at,
            "requester": version.requester,
            "eligible": version.eligible,
            "judged_beside": version.judged_beside,
            "records": self.head.records,
            "head": self.head.hash,
            "last_at": max(self.records.items())[1]["at"],
            "files": dict(version.files),
            "bentos": [{"tag": one.tag, "manifest": one.manifest} for one in version.bentos],
            "feature_service": FAMILIES[self.family].feature_service,
            "former": self.former.version if self.former else None,
        }

    @cached_property
    def _gate(self) -> Any:
        if self.verdict is None:
            return MISSING
        rules = [{"rule": one.rule, "outcome": one.outcome, "sentence": one.sentence} for one in self.verdict.rules]
        return {"eligible": self.verdict.eligible, "rules": rules}

    @cached_property
    def _marts(self) -> dict[str, Any]:
        training = FAMILIES[self.family].training
        names = (training.labels, *training.marts) if training else TRAINED_ON.get(self.family, ())
        manifest = self.settings.exports_dir / MANIFEST
        rows: dict[str, Any] = {}
        with open_duckdb() as connection:
            for name in names:
                path = export_path(self.settings, name)
                if mart_exists(path):
                    counted = connection.execute(f"select count(*) from ({mart_at(path).rows()})").fetchone()
                    rows[name] = counted[0] if counted else 0
        digest = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else MISSING
        return {"sha256": digest, "rows": rows}

    @cached_property
    def _rules(self) -> dict[str, Any]:
        from serving.items.rules import KINDS, RuleBook

        path = self.settings.rules_path
        written = path.exists()
        book = RuleBook.read(path) if written else RuleBook()
        return {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if written else MISSING,
            "less_popular": book.less_popular,
            "new_items": book.new_items,
            "explore": book.explore.share if book.explore else 0.0,
            "count": len(book.rules),
            "rules": [
                {"name": rule.name, "kind": next(kind for kind in KINDS if getattr(rule, kind) is not None)}
                for rule in book.rules
            ],
        }

    def _names(self) -> list[str]:
        return [one["version"] for one in self.records.values() if one["action"] == "register"]

    def _version(self, name: str) -> ModelVersion:
        version = self.registry.version_by(self.family, name, records=self.head.records)
        if version is None:
            raise UnknownVersionError(
                f"The registry had no {self.family} {name} at record {self.head.records}.",
                why=f"known were: {', '.join(self._names()) or 'none yet'}",
                fix="name one of these; `shopsight status` shows them",
            )
        return version


def step(key: str) -> str:
    """Return a key as a step of evidence (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _inner(inside: Any, key: str) -> Any:
    if isinstance(inside, Mapping):
        return inside.get(key, MISSING)
    if isinstance(inside, list) and key.isdecimal() and int(key) < len(inside):
        return inside[int(key)]
    return MISSING
