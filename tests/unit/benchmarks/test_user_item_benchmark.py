from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.user_item import _figures, _sensitivity, read_pairs
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def test_a_home_without_marts_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="has no marts"):
        read_pairs(Settings(home=tmp_path))


def test_who_takes_the_cheaper_of_what_they_look_at_ranks_as_sensitive() -> None:
    rng = np.random.default_rng(1)
    rows = []
    planted = pd.DataFrame({"user_id": [f"u{n}" for n in range(60)], "sensitivity": np.linspace(0, 1, 60)})
    for user, sensitivity in planted.itertuples(index=False):
        for _ in range(8):
            shelf = rng.lognormal(3, 0.5, 3)
            rows += [(user, "view_item", price) for price in shelf]
            rows.append((user, "purchase", shelf.min() if rng.random() < sensitivity else rng.choice(shelf)))
    events = pd.DataFrame(rows, columns=["user_id", "event_name", "price"]).assign(category="shoes", price_1=np.nan)
    found = _sensitivity(events, planted, SimpleNamespace(user=lambda user: user), 1)
    assert found["shoppers"] == 60
    assert found["spearman"][1] > 0.2
    blind = planted.assign(sensitivity=rng.permutation(planted["sensitivity"]))
    assert abs(_sensitivity(events, blind, SimpleNamespace(user=lambda user: user), 1)["spearman"][0]) < 0.35


def test_gains_are_the_differences_of_the_figures() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(400) < 0.2
    scores = {"lightgbm": 0.3 * truth + 0.5 * rng.random(400), "viewed": rng.random(400)}
    found = _figures(truth, scores, np.arange(400) // 4, 1, 50)
    gain = found["gain over viewed"]["pr_auc"]
    assert gain[0] == pytest.approx(found["lightgbm"]["pr_auc"][0] - found["viewed"]["pr_auc"][0], abs=2e-4)
    assert gain[1] > 0
