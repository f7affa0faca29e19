from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.price_sensitivity import best_possible, measure
from shopsight.errors import ShopsightError
from shopsight.sample_shop import SIZES, generate
from shopsight.settings import Settings


def test_a_home_without_marts_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="has no marts"):
        measure(Settings(home=tmp_path), seed=1, resamples=2)


def test_who_knows_the_law_of_choice_ranks_shoppers_well_and_not_perfectly() -> None:
    shop = generate(replace(SIZES["tiny"], passer_by_sessions=0.0), seed=3)
    people = ~shop.people.bot_U
    bound = best_possible(shop)
    assert np.isfinite(bound).all()
    assert 0.35 < spearmanr(bound[people], shop.people.sensitivity_U[people]).statistic < 0.9
