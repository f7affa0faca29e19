"""Implicit ALS, a contender of the benchmarks."""

import numpy as np
import pytest

from benchmarks.recommendation.contenders.als import AlsConfig, fit_als, solve
from models.recommender.dataset import Interactions
from models.recommender.history import History


def _history(*items):
    return History(np.array(items, dtype=np.int64), np.ones(len(items), dtype=np.int64))


@pytest.fixture
def data_of(interactions_mart):
    return lambda *rows: Interactions.from_tables(interactions_mart(list(rows)))


def test_als_solves_the_weighted_least_squares_by_hand():
    factors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=np.float32)
    config = AlsConfig(num_factors=2, alpha=3.0, regularisation=0.5)
    (vector,) = solve([np.array([0, 2])], factors, config)
    weights, happened = np.diag([4.0, 1.0, 4.0]), np.array([1.0, 0.0, 1.0])
    expected = np.linalg.solve(factors.T @ weights @ factors + 0.5 * np.eye(2), factors.T @ weights @ happened)
    assert vector == pytest.approx(expected, abs=1e-5)


def test_als_finds_what_goes_together_and_knows_nothing_of_strangers(data_of):
    baskets = ["abc", "abd", "acd", "bcd", "wxy", "wxz", "wyz", "xyz"]
    rows = [
        (f"u{n}", item, "view_item", place) for n, basket in enumerate(baskets) for place, item in enumerate(basket)
    ]
    als = fit_als(data_of(*rows), AlsConfig(num_factors=4), seed=0)
    scores = als.scores([_history(0, 1), _history()])
    assert scores[0, 2:4].min() > scores[0, 4:].max()
    assert not scores[1].any()


@pytest.mark.parametrize("change", [{"num_factors": 2}, {"iterations": 1}, {"alpha": 1.0}, {"regularisation": 9.0}])
def test_every_setting_of_als_has_an_effect(change, data_of):
    data = data_of(
        *(
            (user, item, "view_item", day)
            for user, basket in (("x", "abc"), ("y", "bcd"))
            for day, item in enumerate(basket)
        )
    )
    one, other = (fit_als(data, config, seed=0).scores([_history(0)]) for config in (AlsConfig(), AlsConfig(**change)))
    assert not np.allclose(one, other)


@pytest.mark.parametrize("change", [{"iterations": 0}, {"regularisation": 0.0}])
def test_an_impossible_setting_is_refused(change):
    with pytest.raises(ValueError, match=r"\w"):
        AlsConfig(**change)
