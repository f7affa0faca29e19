"""Folders of model files: what may be in them, how they are copied whole, and how a change is noticed."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from models.registry.journal import fsync_folder
from shopsight.errors import ShopsightError

ALLOWED_SUFFIXES: Final = frozenset(
    {".safetensors", ".onnx", ".data", ".json", ".jsonl", ".txt", ".md", ".csv", ".parquet", ".arrow", ".png", ".svg"}
)
"""Formats that hold data and no code; pickles (``.pkl .pt .pth .bin .joblib .npy``) can run anything when loaded."""

RAW_WEIGHTS: Final = frozenset({".safetensors", ".data"})
"""Formats whose first bytes are a number and may look like a pickle's."""


class UnsafeArtefactError(ShopsightError):
    """A folder holds something that a model may not consist of."""


class ArtefactChangedError(ShopsightError):
    """A registered file is not what was registered."""


def copy_durably(source: Path, target: Path) -> None:
    """Copy the files of ``source`` into the new folder ``target`` and force them to the disk.

    Raises:
        UnsafeArtefactError: a symbolic link, a special file, a pickle or a format that is not known to be data.
    """
    target.mkdir(parents=True)
    for file in files_of(source):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy, follow_symlinks=False)


def make_durable(folder: Path) -> None:
    """Force every file and name under a folder to the disk."""
    for file in files_of(folder):
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        fsync_folder(inner)


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files under ``folder`` in a fixed order.

    Raises:
        UnsafeArtefactError: the folder is missing or holds something that a model may not consist of.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise _unsafe(folder, "it is not a folder of its own")
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise _unsafe(path, "it is a symbolic link, which may lead out of the folder")
        if path.is_dir():
            continue
        if not path.is_file():
            raise _unsafe(path, "it is neither a file nor a folder")
        if path.suffix not in ALLOWED_SUFFIXES:
            raise _unsafe(path, f"files ending in {path.suffix or 'nothing'} may hold code, as pickles do")
        if path.suffix not in RAW_WEIGHTS and _looks_pickled(path):
            raise _unsafe(path, "its content is a pickle or an archive, whatever its name says")
        yield path


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file, by its path inside the folder."""
    return {file.relative_to(folder).as_posix(): _sha256(file) for file in files_of(folder)}


def verify_hashes(folder: Path, expected: Mapping[str, str]) -> None:
    """Compare a folder with the hashes it was registered with.

    Raises:
        ArtefactChangedError: a file was changed, added or taken away; the message names it.
        UnsafeArtefactError: something was added that a model may not consist of.
    """
    hashes = hashes_of(folder) if folder.is_dir() else {}
    for name in sorted({*expected, *hashes}):
        if expected.get(name) != hashes.get(name):
            state = "is missing" if name not in hashes else "was added" if name not in expected else "was changed"
            raise ArtefactChangedError(
                f"{folder / name} {state} since it was registered.",
                why="its SHA-256 is not the one in the registry's journal",
                fix="restore the file from a backup, or roll back to another version",
            )


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _looks_pickled(file: Path) -> bool:
    with file.open("rb") as handle:
        start = handle.read(4)
    # A pickle begins with its protocol, 2 to 5; torch's own format is a zip of pickles.
    return (len(start) > 1 and start[0] == 0x80 and 2 <= start[1] <= 5) or start == b"PK\x03\x04"


def _unsafe(path: Path, why: str) -> UnsafeArtefactError:
    return UnsafeArtefactError(
        f"{path} may not be part of a model.",
        why=why,
        fix="save weights as safetensors or ONNX and everything else as JSON, text or Parquet",
    )
