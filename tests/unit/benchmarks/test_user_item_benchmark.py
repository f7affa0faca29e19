from pathlib import Path

import numpy as np
import pytest

from benchmarks.user_item import _figures, read_pairs
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def test_a_home_without_marts_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="has no marts"):
        read_pairs(Settings(home=tmp_path))


def test_gains_are_the_differences_of_the_figures() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(400) < 0.2
    scores = {"lightgbm": 0.3 * truth + 0.5 * rng.random(400), "viewed": rng.random(400)}
    found = _figures(truth, scores, np.arange(400) // 4, 1, 50)
    gain = found["gain over viewed"]["pr_auc"]
    assert gain[0] == pytest.approx(found["lightgbm"]["pr_auc"][0] - found["viewed"]["pr_auc"][0], abs=2e-4)
    assert gain[1] > 0
