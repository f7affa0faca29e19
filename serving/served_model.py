"""The approved model inside a Bento: where its artefact lies, and what is known of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from models.registry.artefacts import verify_hashes
from models.registry.journal import JournalHead
from serving.packaging.signing import TrustedKey, signature_of, verify_signature
from serving.schemas import ModelDescription, ModelName
from shopsight.families import FAMILIES

ARTEFACT_FOLDER: Final = "artefact"
DESCRIPTION_FILE: Final = "served.json"
ALIAS: Final = "champion"
"""The name under which each Bento refers to its one model, whatever version that is."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model and its papers."""

    family: str
    version: str
    artefact: Path
    """Folder that the family's ``predict.py`` loads."""
    trained_at: str | None = None
    """When it was registered, ISO 8601; None of a model that comes from elsewhere than a Bento."""
    card: dict[str, Any]
    """The model card: data window, rows, seeds, settings."""
    evaluation: dict[str, Any]
    """Figures of the test split, with intervals, beside the baselines'."""
    approval: dict[str, Any]
    """Who approved it, when and why."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SHA-256 of each file of the artefact, as it was registered."""
    journal: JournalHead | None = None
    """The registry's decisions when the Bento was built."""

    @classmethod
    def read(cls, folder: Path, *, key: TrustedKey | None = None) -> "ServedModel":
        """Read a folder that :func:`describe` wrote its description into.

        Args:
            folder: of the model.
            key: the public key that the description's signature has to hold by; without it, signatures are not looked
                at, as where a Bento runs alone and nobody gave it the key.

        Raises:
            ArtefactChangedError: a file of the artefact is not the one that was registered.
            BentoSignatureError: the signature does not hold.
        """
        if key is not None:
            signed = signature_of(folder / DESCRIPTION_FILE).exists()
            verify_signature(folder / DESCRIPTION_FILE, key, signed_by=key.name if signed else None)
        description = json.loads((folder / DESCRIPTION_FILE).read_text())
        journal = JournalHead.parse(description.pop("journal"))
        model = cls(artefact=folder / ARTEFACT_FOLDER, journal=journal, **description)
        verify_hashes(model.artefact, model.files)
        return model

    @property
    def name_and_version(self) -> ModelName:
        """The ``model`` of every answer."""
        return {"name": self.family, "version": self.version, "baseline": self.baseline}

    @property
    def baseline(self) -> str | None:
        """The baseline that stands in for a model, by its name; None of a model."""
        return self.evaluation["candidate"] if self.evaluation.get("is_baseline") else None

    def description(self) -> ModelDescription:
        """Return the model's entry in ``GET /v1/models``."""
        return {
            "name": self.family,
            "version": self.version,
            "baseline": self.baseline,
            "trained_at": self.trained_at,
            "data_window": self.card.get("data_window"),
            "metrics": self.evaluation.get("metrics", {}),
            "approval": self.approval,
            "feature_service": FAMILIES[self.family].feature_service,
        }


def describe(
    family: str,
    version: str,
    *,
    trained_at: str,
    card: Any,
    evaluation: Any,
    approval: Any,
    files: Mapping[str, str],
    journal: JournalHead,
) -> str:
    """Return the content of the description file."""
    content = {
        "family": family,
        "version": version,
        "trained_at": trained_at,
        "card": card,
        "evaluation": evaluation,
        "approval": approval,
        "files": dict(files),
        "journal": str(journal),
    }
    return json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"
