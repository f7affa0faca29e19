"""Sales of days on which an item could not be bought say nothing of who wanted it."""

import numpy as np
import pandas as pd
import pytest

from models.demand.censored import lost_units, sold_out_shares, uncensored
from models.demand.panel import build_panel


def panel_of(units: list[float]):
    dates = pd.date_range("2026-03-01", periods=len(units))
    return build_panel(pd.DataFrame({"item_id": "lamp", "date": dates, "units": units}), period="day")


def outage(begins: str, ends: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {"item_id": ["lamp"], "begins": [pd.Timestamp(begins)], "ends": [pd.Timestamp(ends) if ends else pd.NaT]}
    )


def test_a_day_counts_by_the_share_of_it_on_which_the_item_could_not_be_bought() -> None:
    panel = panel_of([2.0] * 10)
    shares = sold_out_shares(panel, outage("2026-03-04 18:00", "2026-03-06 06:00"))
    assert shares[0].tolist() == [0, 0, 0, 0.25, 1, 0.25, 0, 0, 0, 0]
    assert sold_out_shares(panel, outage("2026-03-09", None))[0].tolist() == [0] * 8 + [1, 1]
    assert sold_out_shares(panel, outage("2025-01-01", "2025-02-01")).sum() == 0


def test_what_was_sold_before_stands_for_what_a_stock_out_hid() -> None:
    panel = panel_of([4.0] * 10 + [0.0] * 5 + [4.0] * 3)
    shares = sold_out_shares(panel, outage("2026-03-11", "2026-03-16"))
    assert lost_units(panel, shares)[0] == pytest.approx([0] * 10 + [4] * 5 + [0] * 3)
    assert uncensored(panel, shares).units[0].tolist() == [4.0] * 18


def test_nothing_after_a_stock_out_says_what_it_hid_and_without_days_before_it_nothing_does() -> None:
    units = [4.0] * 10 + [0.0] * 5
    shares = sold_out_shares(panel_of(units), outage("2026-03-11", "2026-03-16"))
    later = sold_out_shares(panel_of([*units, 90.0, 90.0]), outage("2026-03-11", "2026-03-16"))
    assert (lost_units(panel_of([*units, 90.0, 90.0]), later)[0, :15] == lost_units(panel_of(units), shares)[0]).all()
    begun_out = sold_out_shares(panel_of(units), outage("2026-03-02", "2026-03-11"))
    assert lost_units(panel_of(units), begun_out).sum() == 0


def test_parts_of_a_unit_add_up_to_whole_ones_so_that_counts_stay_counts() -> None:
    panel = panel_of(([1.0] + [0.0] * 4) * 4 + [0.0] * 20)
    filled = uncensored(panel, sold_out_shares(panel, outage("2026-03-21", "2026-04-10"))).units[0]
    assert set(np.unique(filled)) <= {0.0, 1.0}
    assert filled[20:].sum() == pytest.approx(4, abs=1)
