from datetime import UTC, datetime, timedelta, timezone

import pytest

from shopsight.clock import rfc3339, utc_now


def test_a_moment_is_written_in_utc_with_a_z() -> None:
    assert rfc3339(datetime(2026, 3, 1, 10, 30, tzinfo=UTC)) == "2026-03-01T10:30:00Z"
    assert rfc3339(datetime(2026, 3, 1, 10, 30, tzinfo=timezone(timedelta(hours=2)))) == "2026-03-01T08:30:00Z"
    assert rfc3339(datetime(2026, 3, 1, 10, 30, 0, 250, tzinfo=UTC)) == "2026-03-01T10:30:00.000250Z"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        rfc3339(datetime(2026, 3, 1))


def test_now_is_aware_and_in_utc():
    assert utc_now().utcoffset() == timedelta(0)
