"""The time: one clock, and one way to write a moment for others to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_stands_at: list[datetime] = []


def utc_now() -> datetime:
    """Return the time, aware and in UTC; inside :func:`clock_at` the moment that the clock stands at."""
    return _stands_at[-1] if _stands_at else datetime.now(UTC)


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Let the clock of this process stand at a moment, for days that are played and not lived through.

    >>> with clock_at(datetime(2026, 3, 1, tzinfo=UTC)):
    ...     utc_now().day
    1

    Raises:
        ValueError: the moment has no zone, so nobody could say when it was.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    _stands_at.append(moment.astimezone(UTC))
    try:
        yield
    finally:
        _stands_at.pop()


def rfc3339(moment: datetime) -> str:
    """Return an aware moment in UTC as RFC 3339 writes it, with ``Z`` for the zone.

    >>> rfc3339(datetime(2026, 3, 1, 10, 30, tzinfo=UTC))
    '2026-03-01T10:30:00Z'

    Raises:
        ValueError: the moment has no zone, so nobody could say when it was.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
