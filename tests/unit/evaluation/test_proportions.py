"""Wilson intervals: against a library, at the ends, and how often they hold a planted share."""

import numpy as np
import pytest
from scipy.stats import binomtest

from models.evaluation.proportions import wilson, wilson_bounds


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (1, 40), (13, 40), (999, 1_000), (7, 7), (3, 2_000_000)])
def test_the_interval_is_that_of_scipy(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    low, high = wilson_bounds([successes], [trials])
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_trials_there_is_no_share_and_any_is_possible() -> None:
    assert wilson(0, 0) is None
    low, high = wilson_bounds([0], [0])
    assert (low[0], high[0]) == (0.0, 1.0)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and the trials"):
        wilson(3, 2)


def test_the_interval_of_a_rare_click_holds_the_truth_nineteen_times_in_twenty() -> None:
    truth, trials = 0.02, 400
    clicks = np.random.default_rng(7).binomial(trials, truth, 20_000)
    low, high = wilson_bounds(clicks, np.full(20_000, trials))
    held_truth = np.mean((low <= truth) & (truth <= high))
    assert 0.93 < held_truth < 0.98
