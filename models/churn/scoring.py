"""Scores for every customer of a shop at once: probability, value, next order, reasons, and the win-back list."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.churn.campaign import plan_win_back
from models.churn.config import ChurnConfig
from models.churn.dataset import customer_rows
from models.churn.next_order import WITHIN_DAYS
from models.churn.predict import ChurnPredictor

REASONS = 3
"""Reasons of each customer on the win-back list."""
AT_ONCE = 100_000
"""Customers whose reasons are made at once: their contributions take 30 MB for each member of the committee."""


def score(table: pa.Table, model: ChurnPredictor, *, config: ChurnConfig) -> pa.Table:
    """Score the customers of the table's newest as-of date, the likeliest to leave first.

    Args:
        table: as the model was trained on, or only the rows of one date.
        model: an approved model.
        config: what a message costs and brings.

    Returns:
        A row per customer: ``user_id, as_of, churn_probability, expected_revenue, revenue_low, revenue_high,
        next_order_days, next_order_low, next_order_high (null: not within a year), order_within_7d, 14d, 28d and 56d,
        value_of_writing, win_back, held_out, reasons``; reasons only of those on the list.
    """
    rows = customer_rows(table, horizon_days=model.horizon_days)
    newest = rows.labelled.as_of == rows.labelled.as_of.max() if len(rows.labelled) else np.zeros(0, dtype=np.bool_)
    histories, users = rows.labelled.histories.take(newest), rows.users[newest]
    if len(histories) == 0:
        return SCHEMA.empty_table()
    churn, forecast = model.probabilities(histories), model.forecast(histories)
    coming = model.next_order(histories, churn)
    plan = plan_win_back(users.tolist(), churn, forecast.mean, histories.lengths, config=config)
    reasons: list[list[str]] = [[] for _ in users]
    listed = np.flatnonzero(plan.on_list)
    for begin in range(0, len(listed), AT_ONCE):
        part = listed[begin : begin + AT_ONCE]
        chosen = np.zeros(len(users), dtype=np.bool_)
        chosen[part] = True
        for place, words in zip(part, model.raising_words(histories.take(chosen), max_words=REASONS), strict=True):
            reasons[place] = words
    as_of = np.round(histories.as_of * 86_400e6).astype(np.int64)
    scored = pa.table(
        {
            "user_id": users.tolist(),
            "as_of": pa.array(as_of, pa.timestamp("us", tz="UTC")),
            "churn_probability": churn,
            "expected_revenue": forecast.mean,
            "revenue_low": forecast.low,
            "revenue_high": forecast.high,
            "next_order_days": _or_null(coming.median),
            "next_order_low": _or_null(coming.low),
            "next_order_high": _or_null(coming.high),
            **{f"order_within_{days}d": column for days, column in zip(WITHIN_DAYS, coming.within_RK.T, strict=True)},
            "value_of_writing": plan.value_of_writing,
            "win_back": plan.on_list,
            "held_out": plan.held_out,
            "reasons": pa.array(reasons, pa.list_(pa.string())),
        },
        schema=SCHEMA,
    )
    return scored.sort_by([("churn_probability", "descending"), ("user_id", "ascending")])


def _or_null(days: NDArray[np.float64]) -> pa.Array:
    return pa.array(days, mask=np.isinf(days))


SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("as_of", pa.timestamp("us", tz="UTC")),
        ("churn_probability", pa.float64()),
        ("expected_revenue", pa.float64()),
        ("revenue_low", pa.float64()),
        ("revenue_high", pa.float64()),
        ("next_order_days", pa.float64()),
        ("next_order_low", pa.float64()),
        ("next_order_high", pa.float64()),
        *((f"order_within_{days}d", pa.float64()) for days in WITHIN_DAYS),
        ("value_of_writing", pa.float64()),
        ("win_back", pa.bool_()),
        ("held_out", pa.bool_()),
        ("reasons", pa.list_(pa.string())),
    ]
)
"""Columns of a table of scores."""
