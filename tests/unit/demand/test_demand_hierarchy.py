import numpy as np
import pandas as pd
import pytest

from models.demand.hierarchy import hierarchy_of, reconcile
from models.demand.panel import build_panel


def panel_of(categories):
    dates = pd.date_range("2026-01-01", periods=10)
    rows = [
        {"item_id": f"i{number}", "date": date, "units": number + 1.0, "category": category}
        for number, category in enumerate(categories)
        for date in dates
    ]
    return build_panel(pd.DataFrame(rows))


def test_levels_are_those_that_part_the_items():
    hierarchy = hierarchy_of(panel_of(["Home > Lamps", "Home > Lamps", "Home > Rugs", "Food > Tea", "Food > Tea"]))
    assert hierarchy.levels.tolist() == ["total", *["department"] * 2, *["category"] * 3, *["item"] * 5]
    sums = hierarchy.all_levels(np.arange(5.0)[:, None])[:, 0]
    assert dict(zip(hierarchy.names[:6], sums[:6], strict=True)) == {
        "total": 10, "Food": 7, "Home": 3, "Food > Tea": 7, "Home > Lamps": 1, "Home > Rugs": 2
    }  # fmt: skip


def test_items_of_one_category_have_a_total_alone():
    assert set(hierarchy_of(panel_of(["x"] * 3)).levels) == {"total", "item"}


def test_reconciled_forecasts_add_up_and_move_what_was_wrong_before():
    hierarchy = hierarchy_of(panel_of(["x", "x", "y", "y"]))
    forecasts = np.array([20.0, 6.0, 4.0, 1.0, 2.0, 3.0, 4.0])[:, None]
    variances = np.array([1e-3, 100.0, 100.0, 1.0, 1.0, 9.0, 9.0])
    done = reconcile(hierarchy, forecasts, variances)[:, 0]
    assert done[0] == pytest.approx(done[3:].sum())
    assert done[1] == pytest.approx(done[3:5].sum())
    # The total is sure; items that were wrong by more take more of the gap of 10.
    assert done[0] == pytest.approx(20.0, abs=0.1)
    assert done[5] - 3.0 > 4 * (done[3] - 1.0) > 0


def test_sums_that_agree_stay_as_they_are():
    hierarchy = hierarchy_of(panel_of(["x", "x", "y", "y"]))
    items = np.array([[1.0], [2.0], [3.0], [4.0]])
    forecasts = hierarchy.all_levels(items)
    assert reconcile(hierarchy, forecasts, np.ones(7)) == pytest.approx(forecasts)
