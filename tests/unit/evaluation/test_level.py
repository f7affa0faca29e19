"""The level of a model that drifted is set by one number, and its order stays."""

import numpy as np
import pytest

from models.evaluation.calibration import fit_level, sigmoid


@pytest.mark.parametrize("shift", [-6.0, -0.4, 0.0, 1.5, 7.0])
def test_the_mean_probability_becomes_the_rate(shift) -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(-1, 2, 4_000)
    outcomes = rng.random(4_000) < sigmoid(truth)
    level = fit_level(truth + shift, outcomes)
    assert sigmoid(truth + shift + level).mean() == pytest.approx(outcomes.mean(), abs=1e-6)
    assert level == pytest.approx(-shift, abs=0.15)


def test_one_outcome_alone_sets_no_level() -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        fit_level(np.zeros(3), np.ones(3, dtype=np.bool_))
