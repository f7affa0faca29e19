"""The one way in which trees grow: two runs of one seed are equal, and growth stops where it is told to."""

import lightgbm as lgb
import numpy as np
import pytest

from models.tabular.trees import grow_trees, tree_parameters

RNG = np.random.default_rng(1)
FEATURES = RNG.normal(size=(400, 4))
OUTCOMES = (FEATURES[:, 0] + RNG.normal(size=400) > 0).astype(np.float64)


def parameters(**changed: float) -> dict[str, object]:
    settings = {"num_leaves": 7, "min_rows_in_leaf": 10, "l2": 1.0, "feature_fraction": 0.5, "bagging_fraction": 0.7}
    return tree_parameters({"objective": "binary"}, learning_rate=0.1, threads=1, **settings | {"seed": 7} | changed)  # type: ignore[arg-type]


def rows(start: int, stop: int) -> lgb.Dataset:
    return lgb.Dataset(FEATURES[start:stop], OUTCOMES[start:stop])


def forecasts(**changed: float) -> list[float]:
    booster = grow_trees(parameters(**changed), rows(0, 400), max_rounds=20)
    return np.asarray(booster.predict(FEATURES)).tolist()


def test_two_runs_of_one_seed_grow_the_same_trees() -> None:
    assert forecasts() == forecasts()
    assert forecasts() != forecasts(seed=8)


@pytest.mark.parametrize("name", ["num_leaves", "min_rows_in_leaf", "l2", "feature_fraction", "bagging_fraction"])
def test_every_setting_has_an_effect(name: str) -> None:
    other = {"num_leaves": 3, "min_rows_in_leaf": 60, "l2": 50.0, "feature_fraction": 1.0, "bagging_fraction": 1.0}
    assert forecasts(**{name: other[name]}) != forecasts()


def test_a_validation_side_stops_the_growth_before_the_maximum() -> None:
    train = rows(0, 200)
    validation = lgb.Dataset(FEATURES[200:], OUTCOMES[200:], reference=train)
    booster = grow_trees(parameters(), train, max_rounds=500, validation=validation, early_stopping_rounds=10)
    assert 0 < booster.best_iteration < 500


def test_a_validation_side_and_the_rule_when_to_stop_go_together() -> None:
    with pytest.raises(ValueError, match="go together"):
        grow_trees(parameters(), rows(0, 200), max_rounds=5, early_stopping_rounds=10)
