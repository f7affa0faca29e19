"""A generated log as any other source: its rows go through validation and deduplication into an empty event log."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from shopsight.errors import ShopsightError
from shopsight.generated_log.rows import EVENTS_PER_SESSION, GeneratedLog
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.event_log import GENESIS, EventLog, Receipt
from shopsight.ingestion.readers.chunks import RawChunk, ReportImport, chunk_of_rows, ignore
from shopsight.settings import Settings

SOURCE: Final = "generated"
CHUNK_SESSIONS: Final = 10_000
"""Sessions that are drawn and validated at a time, which is what bounds the memory."""
MIN_EVENTS: Final = 1_000
MAX_EVENTS: Final = 1_000_000_000
BYTES_PER_EVENT: Final = 150
"""Disk that the whole chain takes for an event: the log is a fifth of it, the warehouse and its marts the rest."""


def land_generated_log(
    settings: Settings, events: int, *, received_at: datetime, report: ReportImport = ignore
) -> Receipt:
    """Generate a log and land it as the first batch of an event log.

    Args:
        settings: where the event log is.
        events: how many events to draw; a session has ten, and none is cut short.
        received_at: arrival of the batch; not before its newest row, or a whole day of rows would be quarantined.
        report: told after every hundred thousand events.

    Raises:
        ShopsightError: ``events`` is no sensible number, the home has a log, or the disk has too little room.
        EventLogBusyError: another import is running.
        DiskFullError: no room.
    """
    refuse_number(events)
    _refuse_log(settings)
    _refuse_full_disk(settings, events)
    with utc_connection() as connection:
        chunks = generated_chunks(connection, GeneratedLog(events=events))
        return EventLog.open(settings).land(
            chunks, source_name=SOURCE, received_at=received_at, format_name=SOURCE, report=report
        )


def generated_chunks(connection: duckdb.DuckDBPyConnection, log: GeneratedLog) -> Iterator[RawChunk]:
    """Yield the log's items, users and events as an importer would, some sessions at a time."""
    yield chunk_of_rows(log.item_rows(connection), first_line=1, table="items", file_name="items.parquet")
    yield chunk_of_rows(log.user_rows(connection), first_line=1, table="users", file_name="users.parquet")
    for first in range(0, log.sessions, CHUNK_SESSIONS):
        last = min(first + CHUNK_SESSIONS, log.sessions)
        yield chunk_of_rows(
            log.event_rows(connection, first, last),
            first_line=1 + first * EVENTS_PER_SESSION,
            file_name="events.parquet",
            fraction=last / log.sessions,
        )


def refuse_number(events: int) -> None:
    """Refuse a number of events that is too small for a shop, or larger than any disk.

    Raises:
        ShopsightError: it is not between a thousand and a thousand million.
    """
    if not MIN_EVENTS <= events <= MAX_EVENTS:
        raise ShopsightError(
            f"cannot generate a log of {events:,} events",
            why=f"it has {MIN_EVENTS:,} to {MAX_EVENTS:,}",
            fix="name a number between them: make demo SOURCE=generated EVENTS=1000000",
        )


def _refuse_log(settings: Settings) -> None:
    landed = settings.event_log_dir.glob("arrival_date=*/batch=*")
    batches = sum(path.name != f"batch={GENESIS}" for path in landed)
    if batches:
        raise ShopsightError(
            f"cannot generate a log into {settings.home}",
            why=f"it has an event log (batches: {batches}), and generated shoppers would be mixed with its own",
            fix="name a home without a log, such as SHOPSIGHT_HOME=generated-shop; "
            "`shopsight run --auto-approve` goes on with a log that is there",
        )


def _refuse_full_disk(settings: Settings, events: int) -> None:
    needed, free = events * BYTES_PER_EVENT, shutil.disk_usage(_existing(settings.home)).free
    if free < needed:
        raise ShopsightError(
            f"no room for a log of {events:,} events and what is made of it",
            why=f"about {needed / 1e9:,.1f} GB are needed, and {free / 1e9:,.1f} GB are free where {settings.home} is",
            fix="free some space, ask for fewer events, or name a home on a larger disk: SHOPSIGHT_HOME",
        )


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that there is."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
