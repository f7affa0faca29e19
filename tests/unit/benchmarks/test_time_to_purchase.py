"""The benchmark of the next order judges every model on the same customers, as far as the log goes."""

import numpy as np
import pytest
from churn_shop import CONFIG, shop

from benchmarks.time_to_purchase import _concordance, _kaplan_meier, measure, sample_shop
from models.churn.histories import LabelledRows
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def test_the_forecast_is_ahead_of_the_mean_gap_its_interval_holds_and_a_truth_that_knows_all_is_ahead_of_it() -> None:
    rows = LabelledRows.of(shop(1, customers=400), np.arange(58.0, 199.0, 14.0), horizon_days=28)

    def planted(chosen: np.ndarray, _day: float, days: float) -> np.ndarray:
        return np.where(rows.outcomes.days_to_next[chosen] < days, 0.95, 0.05) * (days > 0)

    report = measure(rows, 198.0, CONFIG, seed=1, resamples=5, planted=planted)
    for key in ("concordance", "log_loss", "integrated_brier"):
        assert report["gain over mean_gap"]["intervals"][key][0] > 0
    assert 0.65 < report["proposed"]["interval_coverage"] < 0.92
    assert report["planted"]["concordance"] > report["proposed"]["concordance"]
    assert 0.1 < report["beside_the_planted_truth"]["proposed"]["spearman"] < 1


def test_waits_that_are_not_over_count_as_far_as_they_went() -> None:
    places = np.array([0.1, 0.2, 0.3, 0.6])
    over = np.array([True, False, True, True])
    # After the second leaves the view, the third is one of two: .75 x .5.
    assert _kaplan_meier(places, over, np.ones(4), (0.05, 0.15, 0.5, 0.9)) == pytest.approx([0, 0.25, 0.625, 1])


def test_pairs_are_right_where_the_likelier_one_orders_first_and_half_right_where_told_alike() -> None:
    waits = np.array([1.0, 5.0, 9.0])
    pairs = [(np.arange(3), waits[:, None] < waits[None, :])]
    assert _concordance(pairs, np.array([0.9, 0.5, 0.1]), np.ones(3)) == 1
    assert _concordance(pairs, np.array([0.1, 0.5, 0.9]), np.ones(3)) == 0
    assert _concordance(pairs, np.array([0.5, 0.5, 0.1]), np.ones(3)) == pytest.approx(2.5 / 3)


def test_a_home_without_a_demo_is_told_what_to_do(tmp_path) -> None:
    with pytest.raises(ShopsightError, match="no churn training set"):
        sample_shop(Settings(home=tmp_path))
