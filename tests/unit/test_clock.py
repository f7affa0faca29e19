from datetime import UTC, datetime, timedelta, timezone

import pytest

from shopsight.clock import clock_at, rfc3339, utc_now


def test_a_moment_is_written_in_utc_with_a_z() -> None:
    assert rfc3339(datetime(2026, 3, 1, 10, 30, tzinfo=UTC)) == "2026-03-01T10:30:00Z"
    assert rfc3339(datetime(2026, 3, 1, 10, 30, tzinfo=timezone(timedelta(hours=2)))) == "2026-03-01T08:30:00Z"
    assert rfc3339(datetime(2026, 3, 1, 10, 30, 0, 250, tzinfo=UTC)) == "2026-03-01T10:30:00.000250Z"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        rfc3339(datetime(2026, 3, 1))


def test_now_is_aware_and_in_utc():
    assert utc_now().utcoffset() == timedelta(0)


def test_the_clock_stands_where_it_was_put_and_goes_on_afterwards() -> None:
    day, before = datetime(2026, 3, 1, tzinfo=UTC), utc_now()
    with clock_at(day):
        with clock_at(day + timedelta(days=1)):
            assert utc_now() == day + timedelta(days=1)
        assert utc_now() == day
    assert utc_now() >= before


def test_the_clock_goes_on_though_what_was_played_failed() -> None:
    before = utc_now()
    with pytest.raises(RuntimeError), clock_at(datetime(2020, 3, 1, tzinfo=UTC)):
        raise RuntimeError
    assert utc_now() >= before


def test_the_clock_is_put_to_no_moment_without_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"), clock_at(datetime(2026, 3, 1)):
        pass
