"""Builds one Bento per approved model, and lists what is built; BentoML itself runs in a child process.

A Bento is named by its content (model version and a digest of code, packages and artefact): building the same again
gives the Bento that is there, and a rollback finds the one it had.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from models.registry.version import ModelVersion
from serving.packaging.requirements import locked_requirements
from serving.served_model import ALIAS, ARTEFACT_FOLDER, DESCRIPTION_FILE, describe
from shopsight.contracts import BENTOS
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive
from shopsight.settings import REPO_ROOT, Settings, child_environment

SERVICES: Final[Mapping[str, str]] = {
    "intent": "serving.intent.service:IntentService",
    "recommender": "serving.recommender.service:RecommendationService",
    "purchase_intent": "serving.purchase_intent.service:PropensityService",
    "churn": "serving.churn.service:ChurnService",
}
"""The service that each family's Bento starts."""

PREDICTORS: Final[Mapping[str, str]] = {
    "intent": "models.intent.predict:IntentClassifier",
    "recommender": "models.recommender.predict:Recommender",
    "purchase_intent": "models.purchase_intent.predict:PurchaseIntentModel",
    "churn": "models.churn.predict:ChurnModel",
}
"""What loads each family's artefact."""

SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    family: (
        "shopsight/*.py",
        "shopsight/feature_store/*.py",
        "models/*.py",
        "models/evaluation/*.py",
        "models/registry/*.py",
        "models/tabular/*.py",
        "models/text/*.py",
        f"models/{family}/**/*.py",
        "serving/*.py",
        "serving/http/*.py",
        "serving/packaging/*.py",
        "serving/running/*.py",
        f"serving/{family}/*.py",
    )
    for family in SERVICES
}
"""The code that each Bento carries, as globs from the root: no pipelines, no corpora, no other family's model."""


class UnapprovedModelError(ShopsightError):
    """A Bento was asked for of a model that nobody approved."""


class BentoBuildFailedError(ShopsightError):
    """BentoML could not build a Bento."""


@dataclass(frozen=True, kw_only=True)
class BentoRecord:
    """A Bento in the store."""

    tag: str
    path: Path
    family: str
    model_version: str
    built_at: datetime


def build_bento(settings: Settings, family: str, version: ModelVersion) -> str:
    """Build the Bento of an approved model version and return its tag, such as ``shopsight_intent:v0001-1f2e3d4c5b``.

    Raises:
        UnapprovedModelError: the version has no approval.
        ArtefactChangedError: the registered files are no longer what they were.
        BentoBuildFailedError: the artefact does not load, or BentoML failed; the last words are in the error.
    """
    if version.approval is None:
        raise UnapprovedModelError(
            f"{family} {version.version} gets no Bento",
            why="it was not approved; nothing is served that nobody answers for",
            fix=f"look at its evaluation, then `shopsight approve {family} {version.version}` or reject it",
        )
    version.verify()
    description = describe(
        family,
        version.version,
        trained_at=version.created_at,
        card=version.card,
        evaluation=asdict(version.evaluation),
        approval=asdict(version.approval),
    )
    packages = locked_requirements(family, REPO_ROOT / "requirements.lock")
    settings.bentoml_dir.mkdir(parents=True, exist_ok=True)
    with (
        exclusive(settings.bentoml_dir / ".lock", what="the Bento store", wait_seconds=300),
        tempfile.TemporaryDirectory(prefix="bento-", dir=settings.bentoml_dir) as staging,
    ):
        source, model = Path(staging) / "source", Path(staging) / "model"
        for path in _source_files(family):
            target = source / path.relative_to(REPO_ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        shutil.copytree(version.path, model / ARTEFACT_FOLDER)
        model_tag = f"{family}:{version.version}-{_digest(model)}"
        (model / DESCRIPTION_FILE).write_text(description)
        content = hashlib.sha256("\n".join([model_tag, _digest(source), *packages]).encode()).hexdigest()[:10]
        tag = f"{BENTOS[family]}:{version.version}-{content}"
        if any(record.tag == tag for record in list_bentos(settings)):
            return tag
        plan = {
            "tag": tag,
            "service": SERVICES[family],
            "predictor": PREDICTORS[family],
            "artefact": str(model / ARTEFACT_FOLDER),
            "source": str(source),
            "model": str(model),
            "model_tag": model_tag,
            "model_alias": ALIAS,
            "packages": packages,
            "labels": {"family": family, "model_version": version.version, "approval": "approved"},
            "description": _readme(family, version.version),
        }
        _run_build(settings, plan, source)
    return tag


def list_bentos(settings: Settings) -> list[BentoRecord]:
    """Return every Bento of the store, newest first, by reading its folders: BentoML is not imported."""
    records = []
    for path in (settings.bentoml_dir / "bentos").glob("*/*/bento.yaml"):
        info = yaml.safe_load(path.read_text())
        labels = info.get("labels") or {}
        if labels.get("family") not in BENTOS:
            continue  # somebody's own Bento in the same store
        records.append(
            BentoRecord(
                tag=f"{info['name']}:{info['version']}",
                path=path.parent,
                family=labels["family"],
                model_version=labels["model_version"],
                built_at=_moment(info["creation_time"]),
            )
        )
    return sorted(records, key=lambda record: record.built_at, reverse=True)


def find_bento(settings: Settings, family: str, model_version: str) -> BentoRecord | None:
    """Return the newest Bento of a model version, or None."""
    built = list_bentos(settings)
    return next((b for b in built if (b.family, b.model_version) == (family, model_version)), None)


def _run_build(settings: Settings, plan: Mapping[str, Any], source: Path) -> None:
    # A child, because BentoML imports the service it packs (with ONNX Runtime or LightGBM) and changes its process's
    # folder and path; and because the code it packs should be the staged one, not the editable checkout.
    done = subprocess.run(
        [sys.executable, "-m", "serving.packaging.bento_build"],
        input=json.dumps(plan),
        cwd=source,
        env=child_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BentoBuildFailedError(
            f"cannot build {plan['tag']}",
            why=" / ".join(done.stderr.strip().splitlines()[-4:]) or f"the build ended with code {done.returncode}",
            fix="mend what it names and build again; nothing was stored",
        )


def _source_files(family: str) -> Iterator[Path]:
    for pattern in SOURCES[family]:
        yield from sorted(REPO_ROOT.glob(pattern))


def _digest(folder: Path) -> str:
    """Return 10 hex digits over the names and contents of every file below ``folder``."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()[:10]


def _moment(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _readme(family: str, version: str) -> str:
    return (
        f"# {BENTOS[family]}\n\nServes the approved {family} model {version}. Errors are problem documents (RFC 9457). "
        "`GET /v1/models` tells where the model comes from, how good it is and who approved it; `/readyz` what is "
        "missing at the moment; `/metrics` is for Prometheus.\n"
    )
