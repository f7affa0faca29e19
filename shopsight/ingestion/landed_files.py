"""Tells whether what lies in the landing folder is whole, and is a file at all."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import psutil

UNFINISHED: Final = (".part", ".tmp", ".crdownload")
"""Ends of the names of files that are still being copied."""
WRITING: Final = ("w", "a", "r+", "a+")
"""Modes of psutil in which a process that has a file open may write to it."""


def open_for_writing() -> frozenset[Path]:
    """Return the files that a process of this machine is writing, as far as this user may look (Linux only)."""
    written = set()
    for process in psutil.process_iter():
        try:
            written |= {Path(file.path) for file in process.open_files() if getattr(file, "mode", "") in WRITING}
        except (psutil.Error, OSError):
            continue
    return frozenset(written)


def is_arriving(files: Iterable[Path], written: frozenset[Path]) -> bool:
    """Return whether one of some files, or of the files in a folder, is being written or has the name of such.

    Args:
        files: files and folders.
        written: as :func:`open_for_writing` returns it.
    """
    return any(
        file.suffix in UNFINISHED or file.resolve() in written for path in files for file in _with_those_inside(path)
    )


def why_no_file(files: Iterable[Path]) -> str | None:
    """Return what keeps files, or folders with all that is in them, from being read at all; None where nothing does.

    Nothing is opened: a pipe would be waited for, and a link may lead to what is nobody's export.
    """
    for path in files:
        for file in _with_those_inside(path):
            mode = file.lstat().st_mode
            if stat.S_ISLNK(mode):
                return f"{file.name} is a link"
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                return f"{file.name} is a pipe, a socket or a device"
    return None


def state_of(files: Iterable[Path]) -> list[tuple[Path, int, int, int]]:
    """Return what changes when one of some files is written or replaced: size, time of change and inode of each."""
    statuses = ((file, file.stat()) for path in files for file in _with_those_inside(path) if file.is_file())
    return [(file, status.st_size, status.st_mtime_ns, status.st_ino) for file, status in statuses]


def _with_those_inside(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        yield from sorted(path.rglob("*"))
