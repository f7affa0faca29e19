"""Imports the files that were dropped in ``landing/<format>/``, and moves them out of the way afterwards.

A shop writes its file under a hidden name or one that ends in ``.part``, and renames it when it is whole. A file that a
process is writing waits all the same, and one that changes while it is read lands when it no longer does.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shopsight.errors import ShopsightError
from shopsight.ingestion.formats import FORMATS
from shopsight.ingestion.formats.canonical import ENCODINGS, companions, table_of
from shopsight.ingestion.formats.hm import hm_files
from shopsight.ingestion.formats.mapping_file import mapping_beside
from shopsight.ingestion.formats.yoochoose import both_files
from shopsight.ingestion.importers import FileChangedError, import_file
from shopsight.ingestion.landed_files import UNFINISHED, is_arriving, open_for_writing, why_no_file
from shopsight.ingestion.log.event_log import DiskFullError, EventLogBusyError, Receipt
from shopsight.ingestion.readers.chunks import ReportImport, ignore
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.privacy import PseudonymKeyError
from shopsight.settings import Settings


@dataclass(frozen=True, kw_only=True)
class PendingFile:
    """One import that waits: a file or a folder, with the companions that go with it."""

    format_name: str
    path: Path
    files: tuple[Path, ...]
    """Everything that is moved away together."""


Refused = Callable[[PendingFile, ShopsightError], None]


def log_refusal(waiting: PendingFile, error: ShopsightError) -> None:
    """Warn of a file that could not be read."""
    logging.getLogger(__name__).warning("%s was moved to landing/.failed: %s", waiting.path, error)


def pending(settings: Settings) -> list[PendingFile]:
    """Return what waits in the landing folders and is whole, oldest name first within each format."""
    waiting = [one for name in FORMATS for one in _pending_of(name, settings.landing_dir / name)]
    written = open_for_writing() if waiting else frozenset()
    return [one for one in waiting if not is_arriving(one.files, written)]


def import_pending(
    settings: Settings, *, received_at: datetime, report: ReportImport = ignore, refused: Refused = log_refusal
) -> list[Receipt]:
    """Import everything that waits, one batch each, and return the receipts.

    A file that was imported moves to ``landing/.done/<format>/``; one that cannot be read moves to
    ``landing/.failed/<format>/`` with its error in a text file beside it, and the others are imported all the same.
    One that changes while it is read waits for the next look, and nothing of it lands.

    Args:
        settings: where the landing folder and the event log are.
        received_at: arrival of all of them.
        report: told after every chunk.
        refused: told of every file that cannot be read.

    Raises:
        EventLogBusyError, DiskFullError, PseudonymKeyError: not the file's fault: it stays where it is.
    """
    receipts = []
    for waiting in pending(settings):
        try:
            _refuse_what_is_no_file(waiting)
            receipt = import_file(
                settings,
                waiting.format_name,
                waiting.path,
                received_at=received_at,
                report=report,
                files=waiting.files,
            )
        except (EventLogBusyError, DiskFullError, PseudonymKeyError):
            raise
        except FileChangedError as error:
            logging.getLogger(__name__).warning("%s waits: %s", waiting.path, error.why)
        except ShopsightError as error:
            moved = _move(settings, waiting, ".failed", received_at)
            moved.with_name(moved.name + ".error.txt").write_text(f"{error}\n")
            refused(waiting, error)
        else:
            _move(settings, waiting, ".done", received_at)
            receipts.append(receipt)
    return receipts


def _refuse_what_is_no_file(waiting: PendingFile) -> None:
    why = why_no_file(waiting.files)
    if why is not None:
        raise SourceFileError(f"cannot import {waiting.path}", why=why, fix="drop the file itself or a folder of files")


def _pending_of(format_name: str, folder: Path) -> Iterator[PendingFile]:
    if not folder.is_dir():
        return
    paths = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.suffix not in UNFINISHED)
    grouped = {path: _together(format_name, path) for path in paths}
    taken = {file for path, files in grouped.items() for file in files if file != path}
    for path in paths:
        if path not in taken and grouped[path]:
            yield PendingFile(format_name=format_name, path=path, files=grouped[path])


def _together(format_name: str, path: Path) -> tuple[Path, ...]:
    """Return the files that are imported with one that is named first; none while a part of them is still to come."""
    if format_name == "yoochoose" and not path.is_dir():
        try:
            clicks, buys = both_files(path)
        except SourceFileError:
            return ()
        return (clicks, buys) if path == clicks else (path,)
    if format_name == "mapped":
        mapping = mapping_beside(path)
        return (path, mapping) if mapping.is_file() and path != mapping else ()
    if format_name == "hm" and not path.is_dir():
        return tuple(hm_files(path))
    if format_name not in ENCODINGS or path.is_dir() or table_of(path) != "events":
        return (path,)
    return tuple(file for _, file in companions(path, ENCODINGS[format_name]))


def _move(settings: Settings, waiting: PendingFile, where: str, received_at: datetime) -> Path:
    """Move the files into a folder of their own, since a shop may use the same names every day."""
    folder = settings.landing_dir / where / waiting.format_name / f"{received_at:%Y%m%dT%H%M%S%fZ}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in waiting.files:
        file.rename(folder / file.name)
    return folder / waiting.path.name
