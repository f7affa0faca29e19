"""A shop whose customers buy at rates of their own until they stop for good, and settings that fit it in a second."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from models.churn.config import ChurnConfig
from models.churn.dataset import LAST_DAY
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


def training_table(book: OrderBook, dates: Sequence[float], *, horizon_days: int = 28) -> pa.Table:
    """Return what the feature store gives of a shop: a row per customer and as-of date; the last is unlabelled."""
    until = max(dates)
    rows: list[dict[str, Any]] = []
    for date in dates:
        histories = book.histories(date)
        for row, customer in enumerate(histories.customers):
            inside = slice(histories.starts[row], histories.ends[row])
            after = (book.customers == customer) & (book.days >= date) & (book.days < until)
            within = after & (book.days < date + horizon_days)
            wait = int(book.days[after].min() - date) if after.any() else None
            rows.append(
                {
                    "user_id": f"u_{customer:04}",
                    "event_timestamp": int(date * 86_400e6),
                    "observed_days": int(until - date),
                    "days_to_next_order": wait,
                    "revenue_after": float(book.values[within].sum()),
                    "horizon_days": horizon_days,
                    "last_seen_us": int(histories.days[inside][-1] * 86_400e6),
                    "ordered_us": [str(int(day * 86_400e6)) for day in histories.days[inside]],
                    "order_values": [str(value) for value in histories.values[inside]],
                    **dict.fromkeys(LAST_DAY[:-1], 3),
                    "mean_price_28d": 20.0,
                }
            )
    table = pa.Table.from_pylist(rows)
    moments = table["event_timestamp"].cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    return table.set_column(table.column_names.index("event_timestamp"), "event_timestamp", moments)
