import numpy as np
import pytest

from models.demand.intervals import GRID, Spread, fit_spread, fit_sum_spread

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


def test_sums_are_as_uneven_as_their_days_and_as_wrong_as_their_level() -> None:
    rng = np.random.default_rng(8)
    items, windows, days = 200, 4, 20
    daily = np.where(np.arange(items) < 100, 0.01, 1.0)
    mean = np.full((3, items, windows), 100.0)
    level = np.exp(rng.normal(0, 0.2, (3, items, 1)))
    chance = rng.gamma(days / daily[:, None], daily[:, None] / days, mean.shape)
    actual = rng.poisson(mean * level * chance).astype(float)
    spread = fit_sum_spread(
        mean,
        actual,
        np.ones((3, items), dtype=bool),
        np.full(items, "fast"),
        daily_M=daily,
        days=days,
        grain=1.0,
    )
    # The error of the level varies by .04; independent days by their own spread over their number.
    assert spread.inverse_size_M[0] == pytest.approx(0.04 + 0.01 / 20, abs=0.015)
    assert spread.inverse_size_M[-1] - spread.inverse_size_M[0] == pytest.approx(0.99 / 20)
    suffice = spread.quantile_of_each(np.full(items, 100.0), np.full(items, 0.9))
    assert (actual <= suffice[:, None]).mean() == pytest.approx(0.9, abs=0.03)
    assert spread.share_up_to(np.full(items, 100.0), suffice).mean() == pytest.approx(0.9, abs=0.03)
    assert (spread.share_up_to(np.full(items, 100.0), np.full(items, -1.0)) == 0).all()


def test_beyond_what_truths_can_say_the_distribution_itself_goes_on() -> None:
    curve = GRID.copy()
    curve[GRID > 0.9] = np.minimum(curve[GRID > 0.9], 0.97)
    curve[-1] = 1.0
    spread = Spread(inverse_size_M=np.full(1, 0.1), groups_M=np.array(["one"]), curves={"one": curve}, grain=1.0)
    levels = [spread.quantile_of_each(np.array([10.0]), np.array([level]))[0] for level in (0.9, 0.95, 0.97, 0.99)]
    assert levels == sorted(levels)
    assert levels[-1] < 30
