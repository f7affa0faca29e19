"""Opens the files that importers read as UTF-8, whatever they are packed in, and says why one cannot be read."""

import bz2
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

import pyarrow as pa

from shopsight.errors import ShopsightError
from shopsight.ingestion.readers.encodings import HEAD_BYTES, Recoded, UnknownEncodingError, encoding_of

Packing = Literal["gzip", "bz2", "zstd", "zip"]
Kind = Literal["text", "parquet", "excel"]
PACKINGS: Final[dict[bytes, Packing]] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
"""First bytes of packed files: names lie (``.gz`` that a browser unpacked), bytes do not."""
PACKED_NAMES: Final = (".gz", ".bz2", ".zst", ".zip", ".snappy")
OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class SourceFileError(ShopsightError):
    """A file as a whole cannot be imported; nothing of it landed."""


class Unpacked(io.BufferedReader):
    """The bytes inside a packed file."""

    disk: BinaryIO
    """The packed file itself, whose place says how far the import is."""


def unreadable(path: Path, *, why: str, fix: str) -> SourceFileError:
    """Return the error for a file that cannot be imported."""
    return SourceFileError(f"cannot import {path}", why=why, fix=fix)


@contextmanager
def open_source(path: Path, *, encoding: str | None = None) -> Iterator[BinaryIO]:
    """Open a file for reading text as UTF-8 with line feeds, unpacked (gzip, bz2, zstd, zip) and recoded on the way.

    Args:
        path: the file.
        encoding: how its text is encoded; None finds out, as :func:`encoding_of` does.

    Raises:
        SourceFileError: it cannot be read, is no text, or nothing tells its encoding.
    """
    with open_bytes(path) as file:
        head = file.peek(HEAD_BYTES)[:HEAD_BYTES] if isinstance(file, io.BufferedReader) else b""
        if kind := _no_text(head):
            raise unreadable(path, why=f"it is {kind}, not text", fix="import it as such, or save it as CSV in UTF-8")
        try:
            found = encoding_of(head, encoding=encoding)
        except UnknownEncodingError as error:
            raise unreadable(path, why=error.why, fix=error.fix) from error
        if found.is_plain:
            yield file
            return
        try:
            yield cast(BinaryIO, _recoded(file, found.name, ends_in_cr=found.ends_in_cr))
        except UnicodeDecodeError as error:
            raise unreadable(
                path, why=f"it is not whole {found.name} ({error.reason})", fix="save it as text in UTF-8"
            ) from error


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading the bytes that are packed in it, or its own where it is not packed.

    Raises:
        SourceFileError: it cannot be opened, is broken, or is an archive of several files.
    """
    if path.is_dir():
        raise unreadable(path, why="it is a folder", fix="give a file of it, or use a format that reads folders")
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(path.open("rb", buffering=HEAD_BYTES))
        except OSError as error:
            raise unreadable(
                path, why=error.strerror or str(error), fix="check the path and that its owner lets you read it"
            ) from error
        packing = packing_of(cast(io.BufferedReader, disk).peek(8)[:8])
        try:
            yield _unpacked(path, disk, packing, stack) if packing else disk
        except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
            raise unreadable(
                path, why=f"it is not whole {packing} ({error})", fix="pack or download it again"
            ) from error
        except OSError as error:
            if packing is None:
                raise
            raise unreadable(
                path, why=f"it is not whole {packing} ({error})", fix="pack or download it again"
            ) from error


def packing_of(head: bytes) -> Packing | None:
    """Return how a file is packed, by its first bytes."""
    return next((packing for magic, packing in PACKINGS.items() if head.startswith(magic)), None)


def kind_of(path: Path) -> Kind:
    """Return what a file holds, by its bytes and not by its name.

    Raises:
        SourceFileError: it cannot be opened.
    """
    if path.is_file() and zipfile.is_zipfile(path) and _is_workbook(path):
        return "excel"
    with open_bytes(path) as file:
        head = cast(io.BufferedReader, file).peek(8)[:8]
    is_parquet = head.startswith(b"PAR1") or (not head and plain_name(path).endswith(".parquet"))
    return "parquet" if is_parquet else "excel" if head.startswith(OLD_OFFICE) else "text"


def bytes_read(file: BinaryIO) -> int:
    """Return how far a file from :func:`open_source` was read, in bytes on the disk."""
    return file.disk.tell() if isinstance(file, Unpacked) else file.tell()


def plain_name(path: Path) -> str:
    """Return a file's name in lower case without what it is packed in, such as ``.gz``."""
    name = path.name.lower()
    for ending in PACKED_NAMES:
        name = name.removesuffix(ending)
    return name


def _unpacked(path: Path, disk: BinaryIO, packing: Packing, stack: ExitStack) -> Unpacked:
    if packing == "gzip":
        inner: object = gzip.GzipFile(fileobj=disk)
    elif packing == "bz2":
        inner = bz2.BZ2File(disk)
    elif packing == "zstd":
        inner = pa.CompressedInputStream(disk, "zstd")
    else:
        inner = _only_member(path, stack.enter_context(zipfile.ZipFile(disk)))
    file = stack.enter_context(Unpacked(cast(io.RawIOBase, _Reader(inner)), HEAD_BYTES))
    file.disk = disk
    return file


def _only_member(path: Path, archive: zipfile.ZipFile) -> object:
    names = [
        info.filename
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/") and Path(info.filename).name[0] != "."
    ]
    if _has_workbook(archive):
        raise unreadable(path, why="it is an Excel workbook", fix="save the sheet as CSV UTF-8")
    if len(names) != 1:
        raise unreadable(
            path,
            why=f"it is a zip archive of {len(names)} files: {', '.join(names[:5])}",
            fix="unpack it, and import the file or the folder",
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise unreadable(path, why="it is a zip archive with a password", fix="unpack it first")
    return archive.open(names[0])


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return _has_workbook(archive)
    except zipfile.BadZipFile:
        return False


def _has_workbook(archive: zipfile.ZipFile) -> bool:
    names = archive.namelist()
    return any(name.startswith("xl/workbook") for name in names) or "content.xml" in names


def _no_text(head: bytes) -> str | None:
    """Return what a file without text is, in words."""
    if head.startswith(b"PAR1"):
        return "Parquet"
    if head.startswith(OLD_OFFICE):
        return "an Excel workbook"
    if head.startswith(b"ORC"):
        return "ORC"
    return "Avro" if head.startswith(b"Obj\x01") else None


def _recoded(file: BinaryIO, encoding: str, *, ends_in_cr: bool) -> Unpacked:
    recoded = Unpacked(Recoded(file, encoding, ends_in_cr=ends_in_cr), HEAD_BYTES)
    recoded.disk = file.disk if isinstance(file, Unpacked) else file
    return recoded


class _Reader(io.RawIOBase):
    """Any object that reads, as the raw stream that a buffered reader asks for."""

    def __init__(self, inner: object) -> None:
        self._inner = cast(BinaryIO, inner)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        fresh = self._inner.read(len(buffer))
        buffer[: len(fresh)] = fresh
        return len(fresh)

    def close(self) -> None:
        self._inner.close()
        super().close()
