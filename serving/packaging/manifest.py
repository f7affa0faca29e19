"""What a Bento consists of: a list of its files and its model's, with their hashes, that the registry vouches for.

The list lies in the Bento; the registry's journal, which cannot be forged without its key, has the list's own hash. It
is signed, too, so that whoever has the public key alone can tell.
"""

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from serving.packaging.signing import Signer, TrustedKey, signature_of, verify_signature
from shopsight.errors import ShopsightError

MANIFEST: Final = "files.json"


class BentoChangedError(ShopsightError):
    """A Bento is not what was built."""


def write_manifest(bento: Path, model: Path, *, signer: Signer | None = None) -> str:
    """List the files of a new Bento and of its model's folder, sign the list, and return its SHA-256."""
    listed = {"model": f"{model.parent.name}:{model.name}", "files": _hashes(bento, model)}
    if signer is not None:
        listed["signed_by"] = signer.key_name
    content = json.dumps(listed, indent=1, sort_keys=True).encode()
    (bento / MANIFEST).write_bytes(content)
    if signer is not None:
        signer.sign(bento / MANIFEST)
    return hashlib.sha256(content).hexdigest()


def verify_manifest(bento: Path, expected: str, *, key: TrustedKey | None = None) -> None:
    """Prove that a Bento and its model have the files that were built, and no other.

    Compiled modules are taken out first: Python would run them unseen in the place of the source beside them.

    Args:
        bento: the Bento's folder in BentoML's store.
        expected: SHA-256 of its list of files.
        key: the public key that the list's signature has to hold by; without it, signatures are not looked at.

    Raises:
        BentoChangedError: a file was changed, added or taken away; the message names it.
        BentoSignatureError: the signature does not hold.
    """
    path = bento / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _changed(path, f"cannot be read ({error.strerror})") from error
    if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), expected):
        raise _changed(path, "was changed")
    manifest = json.loads(content)
    if key is not None:
        verify_signature(path, key, signed_by=manifest.get("signed_by"))
    for compiled in bento.rglob("__pycache__"):
        shutil.rmtree(compiled, ignore_errors=True)
    model = bento.parents[2].joinpath("models", *manifest["model"].split(":"))
    now, built = _hashes(bento, model), manifest["files"]
    for name in sorted({*now, *built}):
        if now.get(name) != built.get(name):
            state = "is missing" if name not in now else "was added" if name not in built else "was changed"
            room, _, inside = name.partition("/")
            raise _changed((bento if room == "bento" else model) / inside, state)


def _hashes(bento: Path, model: Path) -> dict[str, str]:
    return {
        f"{room}/{path.relative_to(folder).as_posix()}": _hash(path)
        for room, folder in (("bento", bento), ("model", model))
        for path in _files(folder)
    }


def _files(folder: Path) -> Iterator[Path]:
    own = (folder / MANIFEST, signature_of(folder / MANIFEST))
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or (not path.is_dir() and path not in own):
            yield path


def _hash(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "no file"  # a link or a pipe: not read, and never equal to what was built
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _changed(path: Path, state: str) -> BentoChangedError:
    return BentoChangedError(
        f"{path} {state} since its Bento was built.",
        why="its SHA-256 is not the one that the registry's journal vouches for",
        fix="restore the file from a backup, or delete the Bento's folder: it is built again from the registry",
    )
