"""Who gets which arm where money and stock are short."""

from itertools import product

import numpy as np
import pytest

from models.uplift import budget
from models.uplift.budget import allocate

COST = np.array([0.0, 1.0, 3.0])


def gains(rows: int, seed: int = 0) -> np.typing.NDArray[np.float64]:
    drawn = np.random.default_rng(seed).normal(1.0, 2.0, (rows, 3))
    drawn[:, 0] = 0.0
    return drawn


@pytest.mark.parametrize("seed", range(5))
def test_no_other_allocation_of_six_shoppers_brings_more(seed):
    gain_RK = gains(6, seed)
    allowed = [arms for arms in product(range(3), repeat=6) if COST[list(arms)].sum() <= 7 and arms.count(2) <= 1]
    best = max(sum(gain_RK[row, arm] for row, arm in enumerate(arms)) for arms in allowed)

    made = allocate(gain_RK, cost_K=COST, budget=7.0, stock_K=np.array([np.inf, np.inf, 1.0]))

    assert made.gain == pytest.approx(best)
    assert made.cost <= 7
    assert made.bound >= best - 1e-9


def test_whoever_an_arm_would_harm_gets_none_however_much_money_there_is():
    gain_RK = gains(200)
    made = allocate(gain_RK, cost_K=COST, budget=np.inf)
    assert (made.arm_R[(gain_RK[:, 1:] <= 0).all(axis=1)] == 0).all()
    assert made.gain == pytest.approx(np.maximum(gain_RK, 0).max(axis=1).sum())


def test_whoever_may_not_get_an_arm_does_not():
    gain_RK = gains(50)
    gain_RK[:25, 1:] = -np.inf
    assert not allocate(gain_RK, cost_K=COST, budget=np.inf).arm_R[:25].any()


def test_cells_of_many_shoppers_cost_next_to_nothing_and_the_bound_says_so():
    gain_RK = gains(8_000)
    made = allocate(gain_RK, cost_K=COST, budget=2_400.0, stock_K=np.array([np.inf, np.inf, 300.0]))
    assert not made.is_exact
    assert made.cost <= 2_400
    assert (made.arm_R == 2).sum() <= 300
    assert 0.995 * made.bound <= made.gain <= made.bound


def test_cells_and_single_shoppers_agree(monkeypatch):
    gain_RK = gains(1_000)
    exact = allocate(gain_RK, cost_K=COST, budget=400.0)
    monkeypatch.setattr(budget, "EXACT", 10)
    cells = allocate(gain_RK, cost_K=COST, budget=400.0)
    assert cells.gain == pytest.approx(exact.gain, rel=0.01)
    assert cells.gain <= exact.gain + 1e-9


def test_a_budget_of_nothing_buys_nothing():
    assert not allocate(gains(20), cost_K=COST, budget=0.0).arm_R.any()


def test_a_gain_that_is_no_number_is_refused():
    gain_RK = gains(3)
    gain_RK[0, 1] = np.nan
    with pytest.raises(ValueError, match="gains be numbers"):
        allocate(gain_RK, cost_K=COST, budget=1.0)
