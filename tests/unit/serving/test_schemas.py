"""What every field of a request takes: times that name one moment."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from serving.schemas import Moment

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize(
    "text", ["2026-10-25T02:30:00", "2026-10-25 02:30", "2026-10-25", "2026-03-29T02:30:00.000", datetime(2026, 1, 5)]
)
def test_a_time_without_a_zone_is_refused_as_the_import_refuses_it(text: object) -> None:
    with pytest.raises(ValidationError, match="without a zone could be wrong by hours; end it with Z or an offset"):
        MOMENT.validate_python(text)


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-10-25T02:30:00+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T02:30:00+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-10-25T00:30:00Z", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (1792888200, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_two_moments_of_one_clock_face_stay_two(given: object, moment: datetime) -> None:
    """02:30 is there twice on the day that summer time ends."""
    assert MOMENT.validate_python(given) == moment
