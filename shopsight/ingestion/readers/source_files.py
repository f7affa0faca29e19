"""Opens the files that importers read, and says clearly why one cannot be read."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from shopsight.errors import ShopsightError


class SourceFileError(ShopsightError):
    """A file as a whole cannot be imported; nothing of it landed."""


def unreadable(path: Path, *, why: str, fix: str) -> SourceFileError:
    """Return the error for a file that cannot be imported."""
    return SourceFileError(f"cannot import {path}", why=why, fix=fix)


@contextmanager
def open_source(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes; one whose name ends in ``.gz`` is unpacked on the way."""
    try:
        file = cast(BinaryIO, gzip.GzipFile(path)) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise unreadable(
            path, why=error.strerror or str(error), fix="check the path and that its owner lets you read it"
        ) from error
    with file:
        try:
            yield file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise unreadable(path, why=f"it is not whole gzip ({error})", fix="pack or download it again") from error


def bytes_read(file: BinaryIO) -> int:
    """Return how far a file from :func:`open_source` was read, in bytes on the disk."""
    return file.fileobj.tell() if isinstance(file, gzip.GzipFile) else file.tell()


def plain_name(path: Path) -> str:
    """Return a file's name in lower case without ``.gz``, which says what is in it."""
    return path.name.lower().removesuffix(".gz")
