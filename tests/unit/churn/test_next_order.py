"""When a customer orders next: the curve agrees with the chance to leave, and with what came later."""

import numpy as np
import pytest
from churn_shop import CONFIG

from models.churn.classifier import fit_classifier
from models.churn.histories import LabelledRows
from models.churn.next_order import (
    WITHIN_DAYS,
    WaitingCurve,
    fit_waiting,
    next_order,
    steady_curve,
    surprise_at_the_wait,
    waiting_curve,
)

TEST_DATE = 172.0


@pytest.fixture(scope="module")
def forecasts(labelled: LabelledRows) -> tuple[LabelledRows, WaitingCurve, WaitingCurve, np.ndarray]:
    test = labelled.take(labelled.as_of == TEST_DATE)
    churn = fit_classifier(labelled, until=TEST_DATE, config=CONFIG, seed=1).probabilities(test.histories)
    survival = fit_waiting(labelled, until=TEST_DATE, config=CONFIG, seed=1)
    curve = waiting_curve(survival, test.histories, churn=churn, horizon_days=28)
    return test, curve, steady_curve(survival.bg_nbd, survival.ends, test.histories), churn


def test_the_curve_says_what_the_probability_to_leave_says_and_only_rises(forecasts) -> None:
    _, curve, _, churn = forecasts
    estimates = next_order(curve)
    np.testing.assert_allclose(1.0 - estimates.within_RK[:, WITHIN_DAYS.index(28)], churn, atol=1e-9)
    assert (np.diff(estimates.within_RK, axis=1) >= 0).all()
    assert (estimates.low <= estimates.median).all()
    assert (estimates.median <= estimates.high).all()


def test_half_the_waits_end_by_the_median_and_few_before_the_low_end(forecasts) -> None:
    test, curve, _, _ = forecasts
    estimates = next_order(curve)
    waits = test.outcomes.days_to_next
    near = estimates.median < CONFIG.horizon_days
    assert (waits < estimates.low)[estimates.low < CONFIG.horizon_days].mean() == pytest.approx(0.1, abs=0.06)
    assert (waits < estimates.median)[near].mean() == pytest.approx(0.5, abs=0.12)


def test_regular_customers_are_foretold_better_than_by_bg_nbd(forecasts) -> None:
    test, curve, steady, _ = forecasts
    waits = np.where(test.outcomes.days_to_next < 28, test.outcomes.days_to_next, np.inf)
    ours, theirs = (surprise_at_the_wait(one, waits, 28.0).mean() for one in (curve, steady))
    assert ours < theirs - 0.02


def test_a_curve_of_a_steady_hazard_is_read_off_where_it_should_be() -> None:
    days = np.array([0.0, 10.0, 30.0, 100.0])
    curve = WaitingCurve(days_A=days, waiting_RA=np.exp(-np.outer([0.01, 0.1], days)))
    np.testing.assert_allclose(curve.within(20.0), 1 - np.exp([-0.2, -2.0]))
    np.testing.assert_allclose(curve.days(0.5), np.log(2) / np.array([0.01, 0.1]))
    np.testing.assert_allclose(curve.days(0.9), [np.inf, np.log(10) / 0.1])


def test_a_wait_is_judged_as_far_as_the_log_goes() -> None:
    days = np.array([0.0, 7.0, 14.0, 28.0])
    curve = WaitingCurve(days_A=days, waiting_RA=np.tile([1.0, 0.8, 0.5, 0.4], (4, 1)))
    waits = np.array([0.0, 7.0, 20.0, np.inf])
    np.testing.assert_allclose(np.exp(-surprise_at_the_wait(curve, waits, 14.0)), [0.2, 0.3, 0.5, 0.5])
    np.testing.assert_allclose(np.exp(-surprise_at_the_wait(curve, waits, 28.0)), [0.2, 0.3, 0.1, 0.4])


def test_nothing_after_the_moment_of_fitting_is_read_where_no_date_lies_exactly_before_it(labelled) -> None:
    survival = fit_waiting(labelled, until=TEST_DATE + 3, config=CONFIG, seed=1)
    test = labelled.take(labelled.as_of == TEST_DATE)
    assert survival.ends == WITHIN_DAYS
    assert ((survival.survival(test.histories) > 0) & (survival.survival(test.histories) < 1)).all()
