"""The time: one clock, and one way to write a moment for others to read."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


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
