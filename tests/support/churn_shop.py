"""A shop whose customers buy at rates of their own until they stop for good, and settings that fit it in a second."""

import numpy as np

from models.churn.config import ChurnConfig
from models.churn.histories import OrderBook
from models.tabular.committee import CommitteeConfig

CONFIG = ChurnConfig(
    horizon_days=28,
    period_days=14,
    level_days=28,
    trees=CommitteeConfig(
        members=2, repeats=1, learning_rate=0.1, rounds=40, early_stopping_rounds=10, min_rows_in_leaf=60, threads=1
    ),
    min_customers=50,
    min_churned=10,
    resamples=20,
)


def shop(seed: int, *, customers: int = 600, days: int = 200) -> OrderBook:
    """Regular customers wait about as long every time: what BG/NBD, which knows only rates, cannot see."""
    rng = np.random.default_rng(seed)
    who, when, value = [], [], []
    for customer in range(customers):
        gap, spread, worth = rng.uniform(6, 40), rng.choice([0.08, 1.0]), rng.lognormal(3, 0.7)
        now = rng.uniform(0, days * 0.6)
        while now < days:
            who.append(customer)
            when.append(now)
            value.append(worth * rng.lognormal(0, 0.2))
            if rng.random() < 0.1:
                break
            now += gap * (1 + spread * rng.uniform(-1, 1))
    return OrderBook.of(np.array(who), np.array(when), np.array(value))
