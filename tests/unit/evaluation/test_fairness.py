"""Gaps between groups of people: found where they are, and not where they are not."""

import numpy as np
import pyarrow as pa
import pytest

from models.evaluation.bootstrap import Estimate
from models.evaluation.calibration import sigmoid
from models.evaluation.fairness import SKILL_GAP, TRUTH_GAP, group_slices, groups_of

COUNT = 4_000


def slices_of(probabilities: np.ndarray, log_odds: np.ndarray, groups: np.ndarray) -> dict[str, dict[str, Estimate]]:
    outcomes = np.random.default_rng(2).random(COUNT) < sigmoid(log_odds)
    return group_slices(
        {"age_band": groups},
        outcomes,
        probabilities,
        weights=np.ones(COUNT),
        cases=np.arange(COUNT),
        people=np.arange(COUNT) // 2,
        min_cases=30,
        seed=1,
        resamples=100,
    )


@pytest.fixture
def log_odds() -> np.ndarray:
    return np.random.default_rng(1).normal(-0.5, 1.5, COUNT)


@pytest.fixture
def groups() -> np.ndarray:
    return np.random.default_rng(3).choice(np.array(["18-24", "65+", None], dtype=object), COUNT, p=[0.4, 0.4, 0.2])


def test_a_model_that_treats_groups_alike_has_gaps_around_zero(log_odds: np.ndarray, groups: np.ndarray) -> None:
    slices = slices_of(sigmoid(log_odds), log_odds, groups)
    assert set(slices) == {"age band 18-24", "age band 65+"}
    for figures in slices.values():
        for gap in (SKILL_GAP, TRUTH_GAP):
            assert figures[gap].low < 0.01
            assert figures[gap].high > -0.01
    assert slices["age band 65+"][SKILL_GAP].value == pytest.approx(-slices["age band 18-24"][SKILL_GAP].value)


def test_a_group_that_is_told_at_random_is_served_worse(log_odds: np.ndarray, groups: np.ndarray) -> None:
    blind = np.where(groups == "65+", np.random.default_rng(4).random(COUNT), sigmoid(log_odds))
    slices = slices_of(blind, log_odds, groups)
    assert slices["age band 65+"][SKILL_GAP].high < -0.2
    assert slices["age band 65+"]["roc_auc"].value == pytest.approx(0.5, abs=0.05)


def test_a_group_that_is_overrated_is_found_though_its_order_is_right(log_odds: np.ndarray, groups: np.ndarray) -> None:
    overrated = sigmoid(log_odds + np.where(groups == "65+", 1.0, 0.0))
    figures = slices_of(overrated, log_odds, groups)["age band 65+"]
    assert figures[TRUTH_GAP].low > 0.1
    assert abs(figures[SKILL_GAP].value) < 0.03


def test_a_group_of_a_few_is_not_told_of(log_odds: np.ndarray) -> None:
    groups = np.array(["most"] * (COUNT - 40) + ["few"] * 40, dtype=object)
    assert slices_of(sigmoid(log_odds), log_odds, groups) == {}


def test_who_has_not_said_is_in_no_group() -> None:
    table = pa.table({"gender": ["female", "unknown", None], "user_id": ["a", "b", "c"]})
    assert {name: values.tolist() for name, values in groups_of(table).items()} == {"gender": ["female", None, None]}
