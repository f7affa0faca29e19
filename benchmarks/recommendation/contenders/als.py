"""Implicit ALS: user and item factors by alternating least squares, a classic to stand beside the others.

Source: Y. Hu, Y. Koren, C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008: every pair is
0 or 1, pairs that happened weigh 1 + α, all others 1. A shopper's factors are solved for from their history, so that
nobody has to be known beforehand. Shapes: B lists, K entries of the longest, N items, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import Interactions
from models.recommender.history import History
from models.recommender.scoring import Scores

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
_TOGETHER = 512
"""Systems solved in one call."""


@dataclass(frozen=True, kw_only=True)
class AlsConfig:
    """Implicit ALS."""

    num_factors: int = 64
    """Number of factors."""
    iterations: int = 10
    """Rounds of solving for users, then for items."""
    alpha: float = 20.0
    """What an interaction weighs beyond the 1 of a pair that did not happen."""
    regularisation: float = 1.0
    """Added to the diagonal of every system."""

    def __post_init__(self) -> None:
        if min(self.num_factors, self.iterations) < 1:
            raise ValueError("num_factors and iterations must be at least 1")
        if self.alpha < 0 or self.regularisation <= 0:
            raise ValueError("alpha must be at least 0 and regularisation above 0")


@dataclass(frozen=True, kw_only=True)
class Als:
    """Item factors, and a shopper's from their history."""

    factors_ND: Floats
    config: AlsConfig

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N)."""
        lists = [np.unique(history.items) for history in histories]
        scores_BN: Scores = solve(lists, self.factors_ND, self.config) @ self.factors_ND.T
        return scores_BN


def fit_als(train: Interactions, config: AlsConfig, *, seed: int) -> Als:
    """Return the factors after ``config.iterations`` rounds of solving for users, then for items."""
    first_E = train.first_contacts()
    users_E = np.unique(train.users_E[first_E], return_inverse=True)[1]
    items_E = train.items_E[first_E]
    of_users = _grouped(users_E, items_E, int(users_E.max(initial=-1)) + 1)
    of_items = _grouped(items_E, users_E, train.items)
    rng = np.random.default_rng(seed)
    factors_ND = (0.1 * rng.standard_normal((train.items, config.num_factors))).astype(np.float32)
    for _ in range(config.iterations):
        factors_ND = solve(of_items, solve(of_users, factors_ND, config), config)
    return Als(factors_ND=factors_ND, config=config)


def solve(lists: Sequence[Ints], factors: Floats, config: AlsConfig) -> Floats:
    """Return the factors of rows that happened with the given ``lists`` of the other side, shape (B, D)."""
    width = factors.shape[1]
    fixed_DD = factors.T @ factors + config.regularisation * np.eye(width, dtype=np.float32)
    lengths = np.array([len(entries) for entries in lists], dtype=np.int64)
    solved = np.zeros((len(lists), width), dtype=np.float32)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), _TOGETHER):
        rows = order[start : start + _TOGETHER]
        entries_BKD = np.zeros((len(rows), int(lengths[rows].max()), width), dtype=np.float32)
        for place, row in enumerate(rows):
            entries_BKD[place, : lengths[row]] = factors[lists[row]]
        left_BDD = fixed_DD + config.alpha * (entries_BKD.transpose(0, 2, 1) @ entries_BKD)
        right_BD1 = (1 + config.alpha) * entries_BKD.sum(axis=1)[:, :, None]
        solved[rows] = np.linalg.solve(left_BDD, right_BD1)[:, :, 0]
    return solved


def _grouped(keys_E: Ints, values_E: Ints, groups: int) -> list[Ints]:
    order = np.argsort(keys_E, kind="stable")
    return np.split(values_E[order], np.searchsorted(keys_E[order], np.arange(1, groups)))
