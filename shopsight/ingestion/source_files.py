"""Opens the files that importers read, and says clearly why one cannot be read."""

from pathlib import Path
from typing import BinaryIO

from shopsight.errors import ShopsightError


class SourceFileError(ShopsightError):
    """A file as a whole cannot be imported; nothing of it landed."""


def unreadable(path: Path, *, why: str, fix: str) -> SourceFileError:
    """Return the error for a file that cannot be imported."""
    return SourceFileError(f"cannot import {path}", why=why, fix=fix)


def open_source(path: Path) -> BinaryIO:
    """Open a file for reading bytes."""
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(
            path, why=error.strerror or str(error), fix="check the path and that its owner lets you read it"
        ) from error
