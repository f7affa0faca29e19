"""One door for every format: picks the reader and lands what it yields."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from shopsight.errors import ShopsightError
from shopsight.ingestion.checking import check_source
from shopsight.ingestion.checks.answers import Check
from shopsight.ingestion.formats import EXPECTED, FORMATS
from shopsight.ingestion.formats.canonical import ENCODINGS
from shopsight.ingestion.formats.mapping_file import mapping_beside, read_mapping
from shopsight.ingestion.landed_files import state_of
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.readers.chunks import RawChunk, ReportImport, ignore
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.settings import Settings


class UnknownFormatError(ShopsightError):
    """No importer has this name."""


class FileChangedError(SourceFileError):
    """A file was written or replaced while it was read."""


def import_file(
    settings: Settings,
    format_name: str,
    path: Path | None = None,
    *,
    received_at: datetime,
    mapping: Path | None = None,
    report: ReportImport = ignore,
    files: Sequence[Path] = (),
) -> Receipt:
    """Import one file (or a folder of companions) as one batch of the event log.

    Importing the same file again is harmless: every row is then a duplicate.

    Args:
        settings: where the event log is.
        format_name: one of :data:`FORMATS`.
        path: file or folder; may be left out for ``completejourney``.
        received_at: arrival, with a zone.
        mapping: mapping file for ``mapped``; left out, the file of the same name that ends in ``.yml``.
        report: called after every chunk.
        files: all that is read, where that is more than ``path``.

    Raises:
        UnknownFormatError: there is no such format.
        MappingError: the mapping cannot be used.
        SourceFileError: the file as a whole cannot be read; single bad rows go to the quarantine instead.
        FileChangedError: it changed while it was read, so that a part of it may be missing; nothing has landed.
        EventLogBusyError: another import is running.
        DiskFullError: no room.
    """
    chunks, source_name = _open(format_name, path, mapping)
    if path is not None:
        chunks = _unchanged(chunks, files or (path,))
    return EventLog.open(settings).land(
        chunks, source_name=source_name, received_at=received_at, format_name=format_name, report=report
    )


def check_file(
    format_name: str, path: Path | None = None, *, received_at: datetime, mapping: Path | None = None
) -> list[Check]:
    """Judge a file as :func:`import_file` would, without writing anything.

    Raises:
        UnknownFormatError: there is no such format.
        MappingError: the mapping cannot be used.
    """
    chunks, source_name = _open(format_name, path, mapping)
    expected = EXPECTED.get(format_name, frozenset())
    return check_source(chunks, source_name=source_name, received_at=received_at, expected=expected)


def _unchanged(chunks: Iterator[RawChunk], files: Sequence[Path]) -> Iterator[RawChunk]:
    """Yield the rows of files, and stop where the files are no longer what they were when reading began."""
    before = state_of(files)
    yield from chunks
    if state_of(files) != before:
        raise FileChangedError(
            f"cannot import {files[0]}",
            why="it changed while it was read: it is still being written",
            fix="import it when it is whole; a copy under another name, renamed at its end, is never read half",
        )


def _open(format_name: str, path: Path | None, mapping: Path | None) -> tuple[Iterator[RawChunk], str]:
    """Return a file's rows in canonical columns, and what fills ``source`` where rows have none.

    That is never the file's name, or a file that was renamed would count twice.
    """
    if format_name not in FORMATS:
        raise UnknownFormatError(
            f"cannot import the format {format_name!r}",
            why="no importer has this name",
            fix=f"use one of {', '.join(FORMATS)}, or import the generated shop: shopsight import sample",
        )
    if path is None and format_name != "completejourney":
        raise SourceFileError(
            f"the format {format_name} needs a file",
            why="only completejourney and sample bring their own data",
            fix=f"name it: shopsight import {format_name} PATH",
        )
    read = FORMATS[format_name]
    if format_name == "mapped" and path is not None:
        columns = read_mapping(mapping or mapping_beside(path))
        return read(path, columns), columns.source
    return read(path), "shop" if format_name in ENCODINGS else format_name
