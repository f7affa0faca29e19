from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.user_item import _figures, ordering, read_pairs
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def test_a_home_without_marts_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="has no marts"):
        read_pairs(Settings(home=tmp_path))


def test_gains_are_the_differences_of_the_figures() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(400) < 0.2
    scores = {"lightgbm": 0.3 * truth + 0.5 * rng.random(400), "viewed": rng.random(400)}
    values = _figures(truth, scores, np.arange(400) // 4, 1, 50)
    gain = values["gain over viewed"]["pr_auc"]
    assert gain[0] == pytest.approx(values["lightgbm"]["pr_auc"][0] - values["viewed"]["pr_auc"][0], abs=2e-4)
    assert gain[1] > 0


def test_an_order_is_judged_by_what_was_bought_of_the_list() -> None:
    rows = [("mon", "u", "a", True, 0.9), ("mon", "u", "b", False, 0.1), ("mon", "v", "a", False, 0.5)]
    rows += [("tue", "w", "a", False, 0.8), ("tue", "w", "b", True, 0.2)]
    lists = pd.DataFrame(rows, columns=["as_of", "user_id", "item_id", "bought", "lightgbm"])
    values = ordering(lists, lambda *_asked: ["b", "a"], 1, 10)
    assert values["lists"] == 2, "who bought nothing says nothing"
    first, second = 1.0, 1 / np.log2(3)
    assert values["lightgbm"][0] == pytest.approx((first + second) / 2, abs=1e-4)
    assert values["recommender"][0] == pytest.approx((second + first) / 2, abs=1e-4)
    assert values["gain of lightgbm"][0] == pytest.approx(0, abs=1e-4)
