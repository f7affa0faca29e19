"""What a Bento consists of, as a software bill of materials: CycloneDX 1.6, in JSON.

It lists the packages that a Bento installs, at the versions and with the hashes of the lock file, and the model that it
carries. It has no moment of its making: the same Bento has the same bill.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shopsight import __version__
from shopsight.families import FAMILIES

SBOM: Final = "sbom.cdx.json"
MAX_LICENCE: Final = 200
"""Longest name of a licence; some packages put its whole text there."""
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def write_sbom(
    bento: Path, *, family: str, version: str, packages: Sequence[str], files: Mapping[str, str], lock: Path
) -> None:
    """Write the bill into a new Bento's folder.

    Args:
        bento: the folder.
        family: of its model.
        version: of its model.
        packages: what it installs, as lines of requirements.
        files: SHA-256 of each file of the model.
        lock: the lock file that the versions are from.
    """
    document = sbom(family=family, version=version, tag=bento.name, packages=packages, files=files, lock=lock)
    (bento / SBOM).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def sbom(
    *, family: str, version: str, tag: str, packages: Sequence[str], files: Mapping[str, str], lock: Path
) -> dict[str, Any]:
    """Return the bill of a Bento; see :func:`write_sbom`."""
    hashes = _hashes(lock)
    bento = f"{FAMILIES[family].bento}:{tag}"
    components = [_package(Requirement(line), hashes) for line in packages]
    model = {
        "type": "machine-learning-model",
        "bom-ref": f"model:{family}:{version}",
        "name": family,
        "version": version,
        "components": [
            {
                "type": "data",
                "bom-ref": f"file:{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for name, digest in sorted(files.items())
        ],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'shopsight:{bento}')}",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": bento, "name": FAMILIES[family].bento, "version": tag},
            "tools": {"components": [{"type": "application", "name": "shopsight", "version": __version__}]},
        },
        "components": [model, *components],
        "dependencies": [
            {"ref": bento, "dependsOn": sorted({str(model["bom-ref"]), *(one["bom-ref"] for one in components)})}
        ],
    }


def _package(pin: Requirement, hashes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    name = canonicalize_name(pin.name)
    version = next(iter(pin.specifier)).version
    purl = f"pkg:pypi/{name}@{version}"
    component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if pin.marker is not None:
        # Of packages with several lines for several systems each line is a component of its own.
        component["bom-ref"] = f"{purl}#{pin.marker}"
        component["properties"] = [{"name": "shopsight:marker", "value": str(pin.marker)}]
    digests = hashes.get(f"{name}=={version}", ())
    if digests:
        # A package has a hash for each of its files, of which pip takes the one that fits the machine.
        component["externalReferences"] = [
            {
                "type": "distribution",
                "url": purl,
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in digests],
            }
        ]
    licence = _licence(name)
    if licence:
        component["licenses"] = [{"license": {"name": licence}}]
    return component


def _hashes(lock: Path) -> dict[str, list[str]]:
    """Return the hashes of the files of each ``name==version`` of a lock file."""
    digests: dict[str, list[str]] = {}
    for pin, digest in _lines(lock):
        digests.setdefault(pin, [])
        if digest:
            digests[pin].append(digest)
    return digests


def _lines(lock: Path) -> Iterator[tuple[str, str]]:
    pin = ""
    for line in lock.read_text().splitlines():
        if line and not line.startswith(("#", " ")):
            requirement = Requirement(line.removesuffix("\\").strip())
            pin = f"{canonicalize_name(requirement.name)}{requirement.specifier}"
        if pin:
            digest = _HASH.search(line)
            yield pin, digest[1] if digest else ""


def _licence(name: str) -> str | None:
    """Return what a package says of its licence, in a line; None where it says nothing short, or is not here."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    classified = [
        one.rpartition("::")[2].strip() for one in about.get_all("Classifier", []) if one.startswith("License ::")
    ]
    stated = [*about.get_all("License-Expression", []), ", ".join(classified), *about.get_all("License", [])]
    return next((text for text in stated if text and "\n" not in text and len(text) < MAX_LICENCE), None)
