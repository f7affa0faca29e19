"""Intervals leave out resamples on which a figure says nothing, and refuse where none says anything."""

import math

import numpy as np
import pytest

from models.evaluation.bootstrap import Estimate, bootstrap_clusters, bootstrap_mean, bootstrap_statistic

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


def test_a_resample_draws_whole_clusters_each_as_likely_as_any_other() -> None:
    values, clusters = np.array([1.0, 2.0, 6.0, 9.0]), np.array([7, 7, 3, 5])
    weights = np.array([0.5, 0.5, 1.0, 1.0])

    def mean(drawn: np.ndarray) -> dict[str, float]:
        return {"mean": float((values * drawn).sum() / drawn.sum())}

    estimate = bootstrap_clusters(mean, weights=weights, clusters=clusters, seed=3, resamples=200)["mean"]
    rng = np.random.default_rng(3)
    # In the order of their numbers the clusters are 3 (of one row), 5 (of one) and 7 (of two that share a case).
    of_cluster = np.array([6.0, 9.0, 1.5])
    means = [of_cluster[rng.integers(0, 3, 3)].mean() for _ in range(200)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((5.5, low, high))


def test_a_resample_of_one_class_is_left_out_of_the_figure_that_needs_two() -> None:
    outcomes = np.array([1.0, 0.0, 0.0])

    def share_of_the_rare(drawn: np.ndarray) -> dict[str, float]:
        return {"there": 1.0 if (drawn * outcomes).sum() else math.nan, "all": float(drawn.sum())}

    figures = bootstrap_clusters(share_of_the_rare, weights=np.ones(3), clusters=np.arange(3), seed=1, resamples=50)
    assert figures["there"] == Estimate(value=1.0, low=1.0, high=1.0)
    assert figures["all"].value == 3
    with pytest.raises(ValueError, match="there was undefined on every resample"):
        bootstrap_clusters(
            lambda _: {"there": math.nan}, weights=np.ones(3), clusters=np.arange(3), seed=1, resamples=5
        )
