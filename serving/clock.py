"""The services' time: one clock, and one way to write a moment."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Return ``moment`` as answers and log rows write it: ``2026-01-05T10:00:00Z``."""
    return moment.isoformat().replace("+00:00", "Z")
