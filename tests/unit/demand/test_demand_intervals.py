import numpy as np
import pytest

from models.demand.intervals import fit_spread

RNG = np.random.default_rng(3)


def drawn(mean, size, shape):
    return RNG.negative_binomial(size, size / (size + mean), shape).astype(float)


@pytest.mark.parametrize("mean", [0.1, 1.5, 40.0])
def test_an_interval_of_eighty_percent_holds_eighty_percent_of_rare_and_of_frequent_items(mean):
    earlier = drawn(mean, 2.0, (4, 60, 28))
    means = np.full_like(earlier, mean)
    spread = fit_spread(means, earlier, np.ones((4, 60), dtype=bool), np.array(["item"] * 60), 1.0)
    later = drawn(mean, 2.0, (60, 28))
    assert spread.inside(means[0], later, low=0.1, high=0.9).mean() == pytest.approx(0.8, abs=0.03)


def test_forecasts_that_were_too_low_before_get_higher_quantiles():
    truth = drawn(30.0, 8.0, (4, 50, 28))
    means = np.full_like(truth, 20.0)
    spread = fit_spread(means, truth, np.ones((4, 50), dtype=bool), np.array(["item"] * 50), 1.0)
    low, middle, high = spread.quantiles(means[0][:1, :1], (0.1, 0.5, 0.9))[:, 0, 0]
    assert abs(middle - 30.0) <= 3.0
    assert low < middle < high
    later = drawn(30.0, 8.0, (50, 28))
    assert spread.inside(means[0], later, low=0.1, high=0.9).mean() == pytest.approx(0.8, abs=0.03)


def test_a_truth_beyond_any_before_is_outside_and_one_at_the_median_inside():
    truth = drawn(10.0, 5.0, (3, 20, 28))
    means = np.full_like(truth, 10.0)
    spread = fit_spread(means, truth, np.ones((3, 20), dtype=bool), np.array(["item"] * 20), 1.0)
    parts = spread.inside(np.full((20, 2), 10.0), np.tile([10.0, 200.0], (20, 1)), low=0.1, high=0.9)
    assert parts[:, 0].tolist() == [1.0] * 20
    assert parts[:, 1].tolist() == [0.0] * 20


def test_parts_of_units_are_counted_in_grains():
    truth = drawn(6.0, 4.0, (3, 30, 28)) * 0.25
    means = np.full_like(truth, 1.5)
    spread = fit_spread(means, truth, np.ones((3, 30), dtype=bool), np.array(["item"] * 30), 0.25)
    assert spread.quantiles(means[0][:1, :1], (0.9,))[0, 0, 0] % 0.25 == 0
    later = drawn(6.0, 4.0, (30, 28)) * 0.25
    assert spread.inside(means[0], later, low=0.1, high=0.9).mean() == pytest.approx(0.8, abs=0.04)
