"""What stands between the log and its enemies: a second writer, and a full disk."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import duckdb

from shopsight.errors import ShopsightError
from shopsight.locking import ResourceBusyError, exclusive

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class EventLogBusyError(ShopsightError):
    """Another process is writing to the log."""


class DiskFullError(ShopsightError):
    """There was no room for the batch; nothing of it landed."""


@contextmanager
def only_writer(log: Path, *, wait_seconds: float) -> Iterator[None]:
    """Hold the log's lock, so that nobody else writes to it for the length of the block.

    Args:
        log: folder of the event log.
        wait_seconds: how long to wait for another writer before giving up.

    Raises:
        EventLogBusyError: another writer held the lock for all of ``wait_seconds``.
    """
    with ExitStack() as lock:
        try:
            lock.enter_context(exclusive(log / ".lock", what="the event log", wait_seconds=wait_seconds))
        except ResourceBusyError as busy:
            raise EventLogBusyError(
                f"cannot write to the event log {log}",
                why="another process is importing at this moment",
                fix="wait until it has finished and try again; nothing was changed",
            ) from busy
        yield


@contextmanager
def explained_if_disk_is_full(folder: Path) -> Iterator[None]:
    """Turn the many ways to say that there is no room (full, over quota, file too large) into one error."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        texts = [os.strerror(code) for code in DISK_FULL]
        if getattr(error, "errno", None) not in DISK_FULL and not any(text in str(error) for text in texts):
            raise
        raise DiskFullError(
            f"no room to land the batch in {folder}",
            why=str(error),
            fix="free some space, or raise the quota, and import the file again; nothing of it has landed",
        ) from error
