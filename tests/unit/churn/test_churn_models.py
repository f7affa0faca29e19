"""The churn models: they read no label before its time, beat BG/NBD where it is blind, and are calibrated."""

from dataclasses import replace

import numpy as np
import pytest
from churn_shop import CONFIG

from models.churn.baselines import fit_recency, fit_steady_buyers
from models.churn.classifier import fit_classifier, log_odds
from models.churn.config import ChurnConfig
from models.churn.histories import LabelledRows, Outcomes
from models.churn.survival import fit_survival
from models.churn.value import fit_value
from models.evaluation.probability import calibration_error, roc_auc

TEST_DATE = 172.0


def at_test(rows: LabelledRows) -> LabelledRows:
    return rows.take(rows.as_of == TEST_DATE)


def with_other_future(rows: LabelledRows) -> LabelledRows:
    """Return the rows with everything changed that happens from the test date on."""
    open_still = rows.as_of + CONFIG.horizon_days > TEST_DATE
    late = rows.as_of + rows.outcomes.days_to_next >= TEST_DATE
    return replace(
        rows,
        outcomes=Outcomes(
            churned=np.where(open_still, ~rows.outcomes.churned, rows.outcomes.churned),
            days_to_next=np.where(late, np.inf, rows.outcomes.days_to_next),
            revenue=np.where(open_still, 7.0 + rows.outcomes.revenue * 3, rows.outcomes.revenue),
        ),
    )


@pytest.mark.parametrize("fit", [fit_classifier, fit_survival], ids=["classifier", "survival"])
def test_nothing_that_happens_after_the_moment_of_fitting_changes_a_model(labelled, fit) -> None:
    original, changed = (
        fit(rows, until=TEST_DATE, config=CONFIG, seed=1) for rows in (labelled, with_other_future(labelled))
    )
    histories = at_test(labelled).histories
    np.testing.assert_array_equal(original.probabilities(histories), changed.probabilities(histories))


def test_a_forecast_of_value_does_not_know_the_future_either(labelled) -> None:
    original, changed = (
        fit_value(rows, until=TEST_DATE, config=CONFIG, seed=1) for rows in (labelled, with_other_future(labelled))
    )
    histories = at_test(labelled).histories
    np.testing.assert_array_equal(original.forecast(histories).mean, changed.forecast(histories).mean)
    np.testing.assert_array_equal(original.forecast(histories).high, changed.forecast(histories).high)


@pytest.mark.parametrize("fit", [fit_classifier, fit_survival], ids=["classifier", "survival"])
def test_regular_customers_are_told_apart_where_bg_nbd_is_blind(labelled, fit) -> None:
    test = at_test(labelled)
    truth = test.outcomes.churned
    ours = fit(labelled, until=TEST_DATE, config=CONFIG, seed=1).probabilities(test.histories)
    steady = fit_steady_buyers(labelled, until=TEST_DATE).probabilities(test.histories, horizon_days=28)
    recency = fit_recency(labelled, until=TEST_DATE, horizon_days=28).probabilities(test.histories)
    assert roc_auc(truth, ours) > roc_auc(truth, steady) + 0.01
    assert roc_auc(truth, ours) > roc_auc(truth, recency) + 0.01
    assert calibration_error(truth, ours) < 0.09


def test_the_value_forecast_is_nearer_than_bg_nbd_and_gamma_gamma_and_its_interval_holds(labelled) -> None:
    test = at_test(labelled)
    forecast = fit_value(labelled, until=TEST_DATE, config=CONFIG, seed=1).forecast(test.histories)
    steady = fit_steady_buyers(labelled, until=TEST_DATE).revenue(test.histories, horizon_days=28)
    revenue = test.outcomes.revenue
    assert np.abs(forecast.median - revenue).mean() < np.abs(steady - revenue).mean()
    assert forecast.mean.sum() == pytest.approx(revenue.sum(), rel=0.25)
    inside = (forecast.low <= revenue) & (revenue <= forecast.high)
    assert 0.7 < inside.mean() < 0.95


def test_a_customer_of_ten_times_the_worth_of_any_before_is_not_held_to_what_a_leaf_brings(labelled) -> None:
    histories = at_test(labelled).histories
    model = fit_value(labelled, until=TEST_DATE, config=CONFIG, seed=1)
    best = histories.take(np.bincount(histories.rows, weights=histories.values) > 1_000)
    richer = model.forecast(replace(best, values=best.values * 10))
    forecast = model.forecast(best)
    assert richer.mean.sum() > 5 * forecast.mean.sum()
    assert richer.median.sum() > 5 * forecast.median.sum()


def test_the_reasons_of_a_probability_sum_to_its_log_odds(labelled) -> None:
    model = fit_classifier(labelled, until=TEST_DATE, config=CONFIG, seed=1)
    histories = at_test(labelled).histories
    parts = model.committee.contributions(model.features(histories)).sum(axis=1)
    parts += model.committee.scaling.slope * model.offsets(histories)
    np.testing.assert_allclose(parts, log_odds(model.probabilities(histories)), atol=1e-6)


def test_too_short_a_history_is_refused(labelled) -> None:
    with pytest.raises(ValueError, match="horizon"):
        fit_classifier(labelled, until=40.0, config=CONFIG, seed=1)
    with pytest.raises(ValueError, match="28 days before"):
        fit_survival(labelled, until=40.0, config=CONFIG, seed=1)


@pytest.mark.parametrize(
    "setting",
    [
        {"horizon_days": 30},
        {"period_days": 0},
        {"level_days": 84},
        {"level_days": 0},
        {"level_days": 20},
        {"value_quantiles": (0.6, 0.9)},
        {"value_quantiles": (0.0, 0.9)},
        {"value_quantiles": (0.1, 0.5)},
        {"value_quantiles": (0.1, 1.0)},
        {"too_good_roc_auc": 0.5},
        {"too_good_roc_auc": 1.01},
        *({share: edge} for share in ("margin_share", "win_back_rate", "hold_out_share") for edge in (0.0, 1.0)),
        {"largest_loss_of_older_visits": 0.0},
        {"contact_cost": -0.01},
        {"largest_shift": 0.0},
        {"largest_shift": 1.01},
        {"min_customers": 0},
        {"min_churned": 0},
        {"resamples": 0},
    ],
)
def test_settings_that_no_run_can_have_are_refused(setting) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        ChurnConfig(**setting)


@pytest.mark.parametrize(
    "setting",
    [
        {"period_days": 1},
        {"level_days": 14},
        {"horizon_days": 28, "level_days": 28},
        {"too_good_roc_auc": 1.0},
        {"contact_cost": 0.0, "largest_shift": 1.0},
        {"min_customers": 1, "min_churned": 1, "resamples": 1},
    ],
)
def test_settings_at_their_bounds_are_possible(setting) -> None:
    assert ChurnConfig(**setting)
