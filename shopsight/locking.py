"""One writer at a time, across processes, by a lock that the operating system lets go of when its holder dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopsight.errors import ShopsightError


class ResourceBusyError(ShopsightError):
    """Another process holds the lock."""


@contextmanager
def exclusive(path: Path, *, what: str, wait_seconds: float) -> Iterator[None]:
    """Hold the lock file ``path`` for the length of the block.

    Args:
        path: the lock file; it and its folder are created where missing, and it is never deleted, because a lock on
            a deleted file locks nobody out.
        what: what is written under the lock, for the error message.
        wait_seconds: how long to wait for another writer before giving up.

    Raises:
        ResourceBusyError: another writer held the lock for all of ``wait_seconds``.
        OSError: the file system has no locks that end with their holder (``ENOSYS``).
    """
    # Imported here: the services import this module, through the feature store, but lock nothing and carry no filelock.
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    # Without `flock`, filelock would fall back to a marker file, which outlives a killed holder and locks out everyone.
    lock = FileLock(path, timeout=wait_seconds, poll_interval=0.02, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise ResourceBusyError(
            f"Cannot write {what}: another process is writing it.",
            why=f"the lock {path} was held for {wait_seconds:g} seconds",
            fix="wait for the other run to end, then try again",
        ) from None
    try:
        yield
    finally:
        lock.release()
