import numpy as np
import pytest

from models.evaluation.calibration import MIN_SLOPE, LogitScaling, fit_logit_scaling, sigmoid
from models.evaluation.probability import calibration_error, negative_log_likelihood


def forecasts(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return true log odds and outcomes."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1.5, 1.2, rows)
    return log_odds, rng.random(rows) < sigmoid(log_odds)


def test_an_overconfident_and_shifted_score_is_undone() -> None:
    log_odds, outcomes = forecasts(1, 20_000)
    scaling = fit_logit_scaling(3.0 * log_odds + 2.0, outcomes, np.ones(20_000))
    assert scaling.slope == pytest.approx(1 / 3, abs=0.02)
    assert scaling.intercept == pytest.approx(-2 / 3, abs=0.05)
    later, happened = forecasts(2, 20_000)
    assert calibration_error(happened, scaling.probabilities(3.0 * later + 2.0)) < 0.015


def test_calibration_keeps_the_order_even_where_the_fold_says_the_opposite() -> None:
    log_odds, outcomes = forecasts(3, 500)
    scaling = fit_logit_scaling(log_odds, ~outcomes, np.ones(500))
    assert scaling.slope == MIN_SLOPE
    assert (np.diff(scaling.probabilities(np.linspace(-3, 3, 50))) > 0).all()


def test_a_separable_fold_gives_finite_parameters() -> None:
    raw = np.linspace(-4, 4, 40)
    scaling = fit_logit_scaling(raw, raw > 0, np.ones(40))
    assert 1 < scaling.slope < 20
    assert abs(scaling.intercept) < 1


def test_the_loss_on_the_fold_never_rises() -> None:
    log_odds, outcomes = forecasts(4, 400)
    weights = np.random.default_rng(4).random(400)
    raw = 0.3 * log_odds + 1.0
    scaling = fit_logit_scaling(raw, outcomes, weights)
    before = negative_log_likelihood(outcomes, sigmoid(raw), weights)
    assert negative_log_likelihood(outcomes, scaling.probabilities(raw), weights) < before


@pytest.mark.parametrize("outcomes", [np.ones(4, dtype=bool), np.zeros(4, dtype=bool), np.zeros(0, dtype=bool)])
def test_one_outcome_alone_calibrates_nothing(outcomes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        fit_logit_scaling(np.zeros(len(outcomes)), outcomes, np.ones(len(outcomes)))


def test_slope_one_and_intercept_zero_change_nothing() -> None:
    raw = np.array([-800.0, 0.0, 800.0])
    assert LogitScaling(slope=1.0, intercept=0.0).probabilities(raw).tolist() == [0.0, 0.5, 1.0]
