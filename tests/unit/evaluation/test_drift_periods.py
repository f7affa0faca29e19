"""A sale is compared with a sale, and an ordinary week with ordinary weeks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models.evaluation.drift.findings import DriftConfig
from models.evaluation.drift.periods import ShopCalendar, UnusableCalendarError
from models.evaluation.drift.tables import Comparison, compare_tables
from models.evaluation.drift.windows import like_period

SALES = """
periods:
  - {name: winter sale, from: 2025-01-06, until: 2025-01-19}
  - {name: winter sale, from: 2026-01-05, until: 2026-01-18}
"""


@pytest.fixture
def calendar(tmp_path: Path) -> ShopCalendar:
    path = tmp_path / "calendar.yml"
    path.write_text(SALES)
    return ShopCalendar.read(path)


def rows(first_day: str, days: int, *, price: float, seed: int) -> pa.Table:
    """Return two hundred rows a day; a sale has lower prices."""
    rng = np.random.default_rng(seed)
    moments = pd.Timestamp(first_day, tz="UTC") + pd.to_timedelta(np.sort(rng.random(200 * days)) * days, unit="D")
    return pa.table({"event_timestamp": pa.array(moments), "price": rng.lognormal(np.log(price), 0.3, 200 * days)})


def compared(before: pa.Table, after: pa.Table, calendar: ShopCalendar | None) -> Comparison:
    return compare_tables(before, after, config=DriftConfig(), calendar=calendar)


@pytest.fixture
def a_year() -> pa.Table:
    """A reference: two weeks of sale, and six ordinary ones."""
    return pa.concat_tables([rows("2025-01-06", 14, price=10, seed=1), rows("2025-01-20", 42, price=20, seed=2)])


def test_a_sale_is_stable_beside_the_sale_before_and_has_drifted_without_a_calendar(
    calendar: ShopCalendar, a_year: pa.Table
) -> None:
    sale = rows("2026-01-05", 14, price=10, seed=3)

    with_calendar, without = (compared(a_year, sale, one) for one in (calendar, None))

    assert with_calendar.status == "stable"
    assert with_calendar.notes[0] == (
        "compared with 2,800 rows of the reference that are of 'winter sale', as the current rows are"
    )
    assert [one.column for one in without.culprits] == ["price"]


def test_a_sale_whose_prices_are_wrong_has_drifted_all_the_same(calendar: ShopCalendar, a_year: pa.Table) -> None:
    comparison = compared(a_year, rows("2026-01-05", 14, price=20, seed=3), calendar)

    assert [one.column for one in comparison.culprits] == ["price"]


def test_ordinary_weeks_are_compared_without_the_sale(calendar: ShopCalendar) -> None:
    mostly_sale = pa.concat_tables([rows("2025-01-06", 14, price=10, seed=1), rows("2025-01-20", 14, price=20, seed=2)])

    with_calendar, without = (
        compared(mostly_sale, rows("2025-02-03", 14, price=20, seed=4), one) for one in (calendar, None)
    )

    assert with_calendar.status == "stable"
    assert "2,800 rows of the reference are of special periods and left out" in with_calendar.notes[0]
    assert [one.column for one in without.culprits] == ["price"]


def test_a_first_sale_is_compared_with_all_and_a_note_says_that_the_sale_itself_may_have_moved(
    calendar: ShopCalendar,
) -> None:
    comparison = compared(rows("2025-03-03", 28, price=20, seed=5), rows("2026-01-05", 14, price=10, seed=6), calendar)

    assert [one.column for one in comparison.culprits] == ["price"]
    assert "what moved may be 'winter sale' itself" in comparison.notes[0]


def test_days_of_the_calendar_are_the_shops(calendar: ShopCalendar) -> None:
    late_on_the_fourth = np.array([pd.Timestamp("2026-01-04T23:30:00Z").timestamp()])
    before = np.array([pd.Timestamp("2025-01-10T12:00:00Z").timestamp()])

    in_berlin, in_london = (
        calendar.like(before, late_on_the_fourth, min_rows=1, zone=zone) for zone in ("Europe/Berlin", "Europe/London")
    )

    assert in_berlin[0] is not None
    assert in_london == (None, None)


def test_without_periods_nothing_changes(a_year: pa.Table) -> None:
    sale = rows("2026-01-05", 14, price=10, seed=3)

    assert compared(a_year, sale, ShopCalendar()) == compared(a_year, sale, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("periods: [{name: sale, from: 2026-01-05}]", "period 'sale'.until: Field required"),
        ("periods: [{name: sale, from: 2026-01-05, until: 2026-01-01}]", "ends on 2026-01-01, before it begins"),
        ("periods: [{name: sale, from: never, until: 2026-01-01}]", "period 'sale'.from"),
        ("sales: []", "sales: Extra inputs are not permitted"),
        ("periods: [", "while parsing"),
        ("- sale", "the file: Input should be a valid dictionary"),
    ],
)
def test_a_calendar_that_is_none_is_refused_with_the_place(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "calendar.yml"
    path.write_text(text)

    with pytest.raises(UnusableCalendarError) as refused:
        ShopCalendar.read(path)

    assert refused.value.why is not None
    assert why in refused.value.why


def test_in_the_chain_a_sale_is_compared_with_the_sale_before_and_an_ordinary_week_with_what_it_always_was(
    calendar: ShopCalendar, a_year: pa.Table
) -> None:
    older = a_year.to_pandas()

    of_sale, note = like_period(
        older, rows("2026-01-05", 14, price=10, seed=3).to_pandas(), calendar, min_rows=100, zone="UTC"
    )
    ordinary = like_period(
        older, rows("2026-03-02", 14, price=20, seed=3).to_pandas(), calendar, min_rows=100, zone="UTC"
    )

    assert of_sale is not None
    assert of_sale["event_timestamp"].dt.date.nunique() == 14
    assert note is not None
    assert "2,800 rows" in note
    assert ordinary == (None, None)
