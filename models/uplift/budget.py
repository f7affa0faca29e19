"""Who gets which arm where money and stock are short: the largest sum of gains that they allow.

Up to :data:`EXACT` shoppers the integer program has a variable for each shopper and arm, and is solved to the end.
Beyond, shoppers of about the same gains are a cell, and the program decides how many of a cell get an arm: a million
shoppers are some thousand cells. Either way :attr:`Allocation.bound` says what no allocation can exceed, by Lagrangian
duality on the shoppers themselves, so how much the cells cost is known.

Sources: scipy.optimize.milp (HiGHS); M. Fisher, "The Lagrangian relaxation method for solving integer programming
problems" (1981), for the bound.

Shapes: R shoppers, K arms, C cells; arm 0 is none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_array, csr_array, vstack

from models.uplift.trial import Arms, Floats

EXACT: Final = 2_000
"""Shoppers up to which each is a variable of its own."""
MAX_CELLS: Final = 1_600
"""Cells at most, about; their number falls with the number of arms."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """What each shopper gets."""

    arm_R: Arms
    """0 for none."""
    gain: float
    """Sum of the gains."""
    cost: float
    """Sum of the costs, at most the budget."""
    bound: float
    """A sum of gains that no allocation within the same limits exceeds."""
    is_exact: bool
    """Whether every shopper was a variable of the program."""


def allocate(gain_RK: Floats, *, cost_K: Floats, budget: float, stock_K: Floats | None = None) -> Allocation:
    """Return the allocation with the largest sum of gains; nobody gets an arm whose gain is not above 0.

    Args:
        gain_RK: what each arm would bring of each shopper, its cost already subtracted where gains are money;
            ``-inf`` where the shopper may not get it. Column 0 is not read.
        cost_K: of each arm for one shopper, at least 0.
        budget: the sum of costs at most; ``inf`` for no limit.
        stock_K: how many shoppers may get each arm at most; ``inf`` for no limit.

    Raises:
        ValueError: a cost, budget or stock is negative, or a gain is ``nan``.
    """
    stock_K = np.full(len(cost_K), np.inf) if stock_K is None else np.floor(stock_K)
    if min(budget, cost_K.min(), stock_K.min()) < 0 or np.isnan(gain_RK[:, 1:]).any():
        raise ValueError("costs, budget and stock must be at least 0, and gains be numbers")
    cell_R, gain_CK, size_C = _cells(gain_RK)
    take_CK, price = _solve(gain_CK, size_C, cost_K=cost_K, budget=budget, stock_K=stock_K)
    arm_R = _spread(gain_RK, cell_R, take_CK)
    rows = np.arange(len(arm_R))
    return Allocation(
        arm_R=arm_R,
        gain=float(np.where(arm_R > 0, gain_RK[rows, arm_R], 0.0).sum()),
        cost=float(cost_K[arm_R].sum()),
        bound=_bound(gain_RK, price, cost_K=cost_K, budget=budget, stock_K=stock_K),
        is_exact=len(gain_RK) <= EXACT,
    )


def _cells(gain_RK: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return each shopper's cell, and the cells' mean gains and sizes; few shoppers are a cell each."""
    if len(gain_RK) <= EXACT:
        return np.arange(len(gain_RK)), gain_RK, np.ones(len(gain_RK))
    arms = gain_RK.shape[1] - 1
    bins = max(int(MAX_CELLS ** (1 / arms)), 3)
    keys = np.zeros(len(gain_RK), dtype=np.int64)
    for arm in range(1, arms + 1):
        column = gain_RK[:, arm]
        wanted = column > 0
        inner = np.linspace(0, 1, bins + 1)[1:-1]
        edges = np.unique(np.quantile(column[wanted], inner)) if wanted.any() else np.empty(0)
        # 0 is the bin of whoever may not or should not get the arm.
        keys = keys * (bins + 1) + np.where(wanted, 1 + np.searchsorted(edges, column), 0)
    _, cell_R, size_C = np.unique(keys, return_inverse=True, return_counts=True)
    gain_CK = np.zeros((len(size_C), arms + 1))
    for arm in range(1, arms + 1):
        gain_CK[:, arm] = np.bincount(cell_R, weights=np.maximum(gain_RK[:, arm], 0.0)) / size_C
    return cell_R, gain_CK, size_C.astype(np.float64)


def _solve(
    gain_CK: Floats, size_C: Floats, *, cost_K: Floats, budget: float, stock_K: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Return how many of each cell get each arm, and the prices of money and of each arm's stock."""
    take_CK = np.zeros(gain_CK.shape, dtype=np.int64)
    price = np.zeros(1 + len(cost_K))
    cell_V, arm_V = np.nonzero(np.where(np.arange(len(cost_K)) > 0, gain_CK, 0.0) > 0)
    if len(cell_V) == 0:
        return take_CK, price
    number = np.arange(len(cell_V))
    each: csr_array = coo_array((np.ones(len(number)), (cell_V, number)), shape=(len(size_C), len(number))).tocsr()
    limits = [(0, cost_K[arm_V], budget)] + [
        (1 + arm, (arm_V == arm).astype(np.float64), stock_K[arm]) for arm in range(1, len(cost_K))
    ]
    # The sums of all that could be taken are limits that never bind.
    limits = [(at, row, limit) for at, row, limit in limits if (row * size_C[cell_V]).sum() > limit]
    matrix = vstack([each, *[csr_array(row[None, :]) for _, row, _ in limits]]).tocsr()
    upper = np.concatenate([size_C, [limit for _, _, limit in limits]])
    loss = -gain_CK[cell_V, arm_V]
    whole = milp(
        loss,
        integrality=np.ones(len(number)),
        bounds=Bounds(0, size_C[cell_V]),
        constraints=LinearConstraint(matrix, -np.inf, upper),
    )
    relaxed = linprog(loss, A_ub=matrix, b_ub=upper, bounds=np.stack([np.zeros(len(number)), size_C[cell_V]], axis=1))
    take_CK[cell_V, arm_V] = np.round(whole.x).astype(np.int64)
    for place, (at, _, _) in enumerate(limits):
        price[at] = max(-relaxed.ineqlin.marginals[len(size_C) + place], 0.0)
    return take_CK, price


def _spread(gain_RK: Floats, cell_R: NDArray[np.intp], take_CK: NDArray[np.int64]) -> Arms:
    """Return each shopper's arm: of a cell, those who gain more of it than of what else it gets come first."""
    arm_R = np.zeros(len(gain_RK), dtype=np.intp)
    for arm in range(1, gain_RK.shape[1]):
        rest = np.flatnonzero((arm_R == 0) & (take_CK[cell_R, arm] > 0))
        others = np.delete(np.maximum(gain_RK[rest], 0.0), [0, *range(1, arm + 1)], axis=1).max(axis=1, initial=0.0)
        order = rest[np.lexsort((others - gain_RK[rest, arm], cell_R[rest]))]
        starts = np.flatnonzero(np.diff(cell_R[order], prepend=-1))
        place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        arm_R[order[place < take_CK[cell_R[order], arm]]] = arm
    return arm_R


def _bound(gain_RK: Floats, price: Floats, *, cost_K: Floats, budget: float, stock_K: Floats) -> float:
    """Return what the limits are worth at these prices, and what each shopper brings beyond them."""
    beyond = np.maximum(gain_RK[:, 1:] - price[0] * cost_K[1:] - price[2:], 0.0).max(axis=1).sum()
    limits = [(price[0], budget), *zip(price[2:], stock_K[1:], strict=True)]
    return float(beyond + sum(one * limit for one, limit in limits if one > 0))
