"""Intervals leave out resamples on which a figure says nothing, and refuse where none says anything."""

import math

import numpy as np
import pytest

from models.evaluation.bootstrap import Estimate, bootstrap_mean, bootstrap_statistic

VALUES = np.array([1.0, 2.0, 3.0, 10.0])


def test_a_mean_has_the_quantiles_of_the_means_of_drawn_cases() -> None:
    rng = np.random.default_rng(5)
    means = [float(np.mean([VALUES[place] for place in rng.integers(0, 4, 4)])) for _ in range(200)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert bootstrap_mean(VALUES, seed=5, resamples=200) == Estimate(value=4.0, low=float(low), high=float(high))


def test_resamples_without_a_figure_are_left_out_of_the_interval() -> None:
    def mean_of_the_large(values: np.ndarray) -> float:
        large = values[values > 5]
        return float(large.mean()) if len(large) else math.nan

    # Every third resample or so misses the one large value.
    assert bootstrap_statistic(mean_of_the_large, VALUES, seed=1, resamples=100) == Estimate(
        value=10.0, low=10.0, high=10.0
    )


def test_a_figure_that_no_resample_has_is_refused() -> None:
    with pytest.raises(ValueError, match="undefined on every resample"):
        bootstrap_statistic(lambda _: math.nan, VALUES, seed=1, resamples=10)


@pytest.mark.parametrize("columns", [(np.array([]),), (VALUES, VALUES[:3])])
def test_columns_that_do_not_fit_are_refused(columns: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(ValueError, match="same length, above zero"):
        bootstrap_statistic(lambda *_: 0.0, *columns, seed=1)


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="zero cases"):
        bootstrap_mean(np.array([]), seed=1)
