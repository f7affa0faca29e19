import numpy as np
import pandas as pd
import pytest

from models.demand.panel import build_panel, period_of
from shopsight.errors import ShopsightError


def rows_of(dates, units, item="a", **columns):
    return pd.DataFrame({"item_id": item, "date": pd.to_datetime(dates), "units": units, **columns})


def test_days_without_a_row_have_no_sales_and_rows_of_one_day_are_added_up():
    rows = rows_of(["2026-01-01", "2026-01-01", "2026-01-04", "2026-01-09"], [1, 2, 4, 1])
    panel = build_panel(rows)
    assert panel.period == "day"
    assert panel.units.tolist() == [[3, 0, 0, 4, 0, 0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("frequency", "period"),
    [("D", "day"), ("2D", "day"), ("7D", "week"), ("W-FRI", "week"), ("MS", "month"), ("ME", "month")],
)
def test_the_gaps_between_dates_say_what_a_period_is(frequency, period):
    assert period_of(pd.date_range("2025-01-01", periods=30, freq=frequency)) == period


def test_a_week_whose_day_a_holiday_moved_stays_a_week_of_its_own():
    dates = pd.date_range("2026-01-05", periods=12, freq="7D").to_series().reset_index(drop=True)
    dates[5] += pd.Timedelta(days=1)
    panel = build_panel(rows_of(dates, np.arange(12) + 1.0))
    assert panel.units[0].tolist() == list(np.arange(12) + 1.0)


def test_a_price_is_that_of_the_units_sold_and_is_carried_on():
    rows = rows_of(["2026-01-02", "2026-01-02", "2026-01-04"], [3, 1, 0], price=[2.0, 4.0, 5.0])
    rows = pd.concat([rows, rows_of(["2026-01-01", "2026-01-08"], [1, 1], item="b")])
    panel = build_panel(rows)
    assert panel.price[0, 1] == pytest.approx(2.5)
    assert panel.price[0, 2:4].tolist() == pytest.approx([2.5, 5.0])
    assert np.isnan(panel.price[0, 0])


def test_an_item_begins_with_its_first_row_even_one_of_no_units():
    rows = pd.concat(
        [rows_of(["2026-01-01", "2026-01-20"], [1, 1]), rows_of(["2026-01-05", "2026-01-09"], [0, 1], item="b")]
    )
    assert build_panel(rows).begins.tolist() == [0, 4]


def test_a_history_of_a_few_days_is_refused():
    with pytest.raises(ShopsightError, match="7 days of sales are too few"):
        build_panel(rows_of(pd.date_range("2026-01-01", periods=7), 1.0))
