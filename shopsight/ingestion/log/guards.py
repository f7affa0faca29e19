"""What stands between the log and its enemies: a second writer, and a full disk."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from shopsight.errors import ShopsightError

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class EventLogBusyError(ShopsightError):
    """Another process is writing to the log."""


class DiskFullError(ShopsightError):
    """There was no room for the batch; nothing of it landed."""


@contextmanager
def exclusive(path: Path, *, patience: float) -> Iterator[bool]:
    """Hold the writer's lock, and say whether it could be had; the kernel frees it when its holder dies.

    Args:
        path: The lock file.
        patience: Seconds to wait for it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield _locked(descriptor, give_up_at=time.monotonic() + patience)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, *, give_up_at: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                return False
            time.sleep(0.02)
        else:
            return True


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
