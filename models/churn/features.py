"""What the trees read of a customer: computed from the order history alone, in one place for training and serving.

Every figure is told from the as-of date, never from a clock. Shapes: R rows, O orders, F features.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.churn.bg_nbd import BetaGeometric, RecencyFrequency
from models.churn.histories import Histories

Floats = NDArray[np.float64]

WINDOWS: Final = (14, 28, 60, 120, 365)
"""Days behind the as-of date in which orders and revenue are counted."""
HALF_LIVES: Final = (14, 45, 120)
"""Days after which an order counts half in the weighted rates."""


def feature_names() -> tuple[str, ...]:
    """Return the names of the columns of :func:`churn_features`."""
    return (
        "days_since_last_order",
        "days_since_first_order",
        "orders",
        "days_with_orders",
        *(f"orders_{days}d" for days in WINDOWS),
        *(f"revenue_{days}d" for days in WINDOWS),
        *(f"order_rate_{days}d_half_life" for days in HALF_LIVES),
        "mean_gap_days",
        "gap_spread_days",
        "longest_gap_days",
        "last_gap_days",
        "gap_before_last_days",
        "wait_over_mean_gap",
        "wait_over_longest_gap",
        "mean_order_value",
        "order_value_spread",
        "last_order_value",
        "last_to_mean_order_value",
        "revenue",
        "active_share_of_months",
        "bg_nbd_alive",
        "bg_nbd_no_order",
    )


def churn_features(histories: Histories, model: BetaGeometric, *, horizon_days: float) -> Floats:
    """Return the features of each row, shape (R, F); ``nan`` where a customer has too few orders to tell.

    Columns of ``histories.activity``, where there are any, come last.

    Args:
        histories: what is known of each customer at their as-of date.
        model: BG/NBD, fitted on orders before the training's end; its opinion is two of the features.
        horizon_days: the N of "no order within N days".
    """
    rows, starts, ends, count = histories.rows, histories.starts, histories.ends, len(histories)
    ago = histories.as_of[rows] - histories.days

    def total(weights: Floats) -> Floats:
        return np.asarray(np.bincount(rows, weights=weights, minlength=count), dtype=np.float64)

    orders = histories.lengths.astype(np.float64)
    recency, age = ago[ends - 1], ago[starts]
    columns = [recency, age, orders, RecencyFrequency.of(histories).repeats + 1]
    recent = [(ago <= days).astype(np.float64) for days in WINDOWS]
    columns += [total(inside) for inside in recent]
    columns += [total(inside * histories.values) for inside in recent]
    columns += [total(np.exp2(-ago / days)) / days for days in HALF_LIVES]

    gaps = np.append(0.0, np.diff(histories.days))
    gaps[starts] = 0.0  # no gap before a customer's first order
    gap_count = np.where(orders > 1, orders - 1, np.nan)
    mean_gap = (age - recency) / gap_count
    spread = np.sqrt(np.maximum(total(gaps**2) / gap_count - mean_gap**2, 0.0))
    max_gap = np.where(orders > 1, np.maximum.reduceat(gaps, starts), np.nan)
    last_gap = np.where(orders > 1, gaps[ends - 1], np.nan)
    gap_before = np.where(orders > 2, gaps[np.maximum(ends - 2, 0)], np.nan)
    columns += [mean_gap, spread, max_gap, last_gap, gap_before]
    columns += [recency / (mean_gap + 1.0), recency / (max_gap + 1.0)]

    revenue = total(histories.values)
    mean_value = revenue / orders
    last_value = histories.values[ends - 1]
    value_spread = np.sqrt(np.maximum(total(histories.values**2) / orders - mean_value**2, 0.0))
    columns += [mean_value, np.where(orders > 1, value_spread, np.nan), last_value]
    columns += [last_value / np.where(mean_value > 0, mean_value, np.nan), revenue]
    months = np.floor(ago / 30.0)
    is_new_month = np.append(True, (np.diff(months) != 0) | (np.diff(rows) != 0))
    columns.append(total(is_new_month.astype(np.float64)) / (np.floor(age / 30.0) + 1.0))

    customers = RecencyFrequency.of(histories)
    columns += [model.alive(customers), model.no_order(customers, days=horizon_days)]
    if histories.activity is not None:
        columns += list(histories.activity.T)
    return np.stack(columns, axis=1)
