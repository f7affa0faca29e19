"""Files that a reader sees as they were or as they are, never half-written."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FileVersion = tuple[int, int, int, int]
"""What changes when a file is written or another one takes its name."""


def version_of(path: Path) -> FileVersion | None:
    """Return which file lies under a name, in which state, or None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """Yield a path to write; when the block ends well, its file takes the place of ``target`` in one step.

    The content is on disk before it does. A block that fails leaves ``target`` as it was, and nothing beside it.

    Args:
        target: the file; its folder is made where missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_suffix(".staging")
    try:
        yield staging
        with staging.open("rb") as file:
            os.fsync(file.fileno())
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)


def write_json(path: Path, document: Any, *, sort_keys: bool = False) -> None:
    """Write ``document`` as JSON that people can read, whole or not at all.

    Args:
        path: the file; its folder is made where missing.
        document: anything that :mod:`json` writes.
        sort_keys: whether keys are sorted; otherwise they stay in the order they have.
    """
    text = json.dumps(document, indent=2, sort_keys=sort_keys, ensure_ascii=False) + "\n"
    with replaced(path) as staging:
        staging.write_text(text, encoding="utf-8")
