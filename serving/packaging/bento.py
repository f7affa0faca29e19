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
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import yaml

from models.registry.artefacts import verify_hashes
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from serving.packaging.manifest import verify_manifest, write_manifest
from serving.packaging.requirements import locked_requirements
from serving.packaging.sbom import write_sbom
from serving.packaging.signing import Signer, TrustedKey
from serving.served_model import ALIAS, ARTEFACT_FOLDER, DESCRIPTION_FILE, describe
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES, Family
from shopsight.locking import exclusive
from shopsight.settings import REPO_ROOT, Settings, child_environment

SHARED_SOURCES: Final = (
    "shopsight/*.py",
    "shopsight/feature_store/*.py",
    "models/*.py",
    "serving/*.py",
    "serving/http/*.py",
    "serving/items/*.py",
    "serving/packaging/*.py",
    "serving/pictures/*.py",
    "serving/releases/*.py",
    "serving/running/*.py",
)
"""The code that every Bento carries, as globs from the root, beside what of ``models/`` is no other family's."""


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


def build_bento(settings: Settings, family: str, version: ModelVersion) -> str:
    """Build the Bento of an approved model version and return its tag, such as ``shopsight_intent:v0001-1f2e3d4c5b``.

    The registry's journal records it with what proves its files (:mod:`serving.packaging.manifest`).

    Raises:
        UnapprovedModelError: the version has no approval.
        ArtefactChangedError: the registered files, or the copy of them in the store, are not what they were.
        BentoBuildFailedError: the artefact does not load, or BentoML failed; the last words are in the error.
    """
    if version.approval is None:
        raise UnapprovedModelError(
            f"{family} {version.version} gets no Bento",
            why="it was not approved; nothing is served that nobody answers for",
            fix=f"look at its evaluation, then `shopsight approve {family} {version.version}` or reject it",
        )
    version.verify()
    registry = ModelRegistry.of(settings)
    description = describe(
        family,
        version.version,
        trained_at=version.created_at,
        card=version.card,
        evaluation=asdict(version.evaluation),
        approval=asdict(version.approval),
        files=version.files,
        journal=registry.head(),
    )
    packages = locked_requirements(FAMILIES[family], REPO_ROOT)
    settings.bentoml_dir.mkdir(parents=True, exist_ok=True)
    with (
        exclusive(settings.bentoml_dir / ".lock", what="the Bento store", wait_seconds=300),
        tempfile.TemporaryDirectory(prefix="bento-", dir=settings.bentoml_dir) as staging,
    ):
        source, model = Path(staging) / "source", Path(staging) / "model"
        for path in source_files(FAMILIES[family]):
            target = source / path.relative_to(REPO_ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        shutil.copytree(version.path, model / ARTEFACT_FOLDER)
        model_tag = f"{family}:{version.version}-{_digest(model)}"
        (model / DESCRIPTION_FILE).write_text(description)
        content = hashlib.sha256("\n".join([model_tag, _digest(source), *packages]).encode()).hexdigest()[:10]
        tag = f"{FAMILIES[family].bento}:{version.version}-{content}"
        path, stored = _place(settings, "bentos", tag), _place(settings, "models", model_tag)
        if path.exists():
            if any(bento.tag == tag for bento in version.bentos):
                return tag
            shutil.rmtree(path)  # its build was killed before the journal had it, so nothing proves it
        _drop_damaged(stored, version)
        plan = {
            "tag": tag,
            "service": FAMILIES[family].service,
            "predictor": FAMILIES[family].predictor,
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
        verify_hashes(stored / ARTEFACT_FOLDER, version.files)
        files, lock = version.files, REPO_ROOT / "requirements.lock"
        write_sbom(path, family=family, version=version.version, packages=packages, files=files, lock=lock)
        signer = Signer(settings)
        signer.sign(stored / DESCRIPTION_FILE)
        manifest = write_manifest(path, stored, signer=signer)
        registry.package(family, version.version, tag=tag, manifest=manifest, at=datetime.now(UTC))
    return tag


def list_bentos(settings: Settings) -> list[BentoRecord]:
    """Return every Bento of the store, newest first, by reading its folders: BentoML is not imported."""
    records = []
    for path in (settings.bentoml_dir / "bentos").glob("*/*/bento.yaml"):
        try:
            info = yaml.safe_load(path.read_text())
            labels, created = info.get("labels") or {}, str(info["creation_time"])
        except (OSError, ValueError, AttributeError, KeyError, TypeError, yaml.YAMLError):
            continue  # damaged: it is refused by name before it would be served
        if labels.get("family") in FAMILIES:  # not somebody's own Bento in the same store
            tag = f"{info['name']}:{info['version']}"
            records.append((created, _record(path.parent, tag, labels["family"], labels["model_version"])))
    return [record for _, record in sorted(records, key=itemgetter(0), reverse=True)]


def find_bento(settings: Settings, version: ModelVersion) -> BentoRecord | None:
    """Return the newest Bento of a model version that the journal records and the store has, or None."""
    for bento in reversed(version.bentos):
        path = _place(settings, "bentos", bento.tag)
        if path.exists():
            return _record(path, bento.tag, version.family, version.version)
    return None


def verify_bento(bento: BentoRecord, version: ModelVersion, *, key: TrustedKey | None = None) -> None:
    """Prove that a Bento and the model that it refers to are, file by file, those that were built.

    Args:
        bento: the Bento.
        version: of its model, which the journal records the Bento of.
        key: the public key that its signature has to hold by; without it, signatures are not looked at.

    Raises:
        BentoChangedError: a file was changed, added or taken away, or the journal does not record the Bento.
        BentoSignatureError: the signature does not hold.
    """
    recorded = {one.tag: one.manifest for one in version.bentos}
    verify_manifest(bento.path, recorded.get(bento.tag, ""), key=key)


def _drop_damaged(stored: Path, version: ModelVersion) -> None:
    """Delete a stored copy of a model that is not what was registered: the build stores it anew."""
    try:
        verify_hashes(stored / ARTEFACT_FOLDER, version.files)
    except ShopsightError:
        shutil.rmtree(stored, ignore_errors=True)


def _place(settings: Settings, kind: str, tag: str) -> Path:
    """Return the folder of a Bento or a model in BentoML's store."""
    return settings.bentoml_dir.joinpath(kind, *tag.split(":"))


def _record(path: Path, tag: str, family: str, model_version: str) -> BentoRecord:
    return BentoRecord(tag=tag, path=path, family=family, model_version=model_version)


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


def source_files(family: Family) -> Iterator[Path]:
    """Yield the files of the checkout that a family's Bento carries."""
    rooms = sorted(path.name for path in (REPO_ROOT / "models").iterdir() if path.is_dir())
    models = [f"models/{room}/**/*.py" for room in rooms if room == family.name or room not in FAMILIES]
    for pattern in (*SHARED_SOURCES, *models, f"serving/{family.name}/**/*.py"):
        yield from sorted(REPO_ROOT.glob(pattern))


def _digest(folder: Path) -> str:
    """Return 10 hex digits over the names and contents of every file below ``folder``."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()[:10]


def _readme(family: str, version: str) -> str:
    return (
        f"# {FAMILIES[family].bento}\n\nServes the approved {family} model {version}. "
        "Errors are problem documents (RFC 9457). "
        "`GET /v1/models` tells where the model comes from, how good it is and who approved it; `/readyz` what is "
        "missing at the moment; `/metrics` is for Prometheus.\n"
    )
