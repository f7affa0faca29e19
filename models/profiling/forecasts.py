"""Orders and money to come of every customer, by BG/NBD and Gamma-Gamma, with intervals and with last month's error.

An interval is made of draws from the model: how often a customer orders until they stop.

Sources: P. Fader, B. Hardie, K. Lee, "Counting your customers the easy way" (2005); P. Fader, B. Hardie, "The
Gamma-Gamma model of monetary value" (2013).

Shapes: U customers, D draws.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.asking.rows import visible_rows
from models.churn.baselines import SteadyBuyers
from models.churn.bg_nbd import RecencyFrequency, fit_bg_nbd
from models.churn.dataset import read_histories
from models.churn.gamma_gamma import fit_gamma_gamma
from models.churn.histories import Histories
from shopsight.contracts import USER_ORDER_HISTORY
from shopsight.families import CHURN_USER_FEATURES

if TYPE_CHECKING:
    import duckdb

Floats = NDArray[np.float64]

YEAR: Final = 365
MONTH: Final = 30
"""Days of the forecast whose error is told: last month's, with what was known before it."""
DRAWS: Final = 200
AT_ONCE: Final = 20_000
"""Customers whose draws are made at once, 100 MB."""
MAX_FITTED: Final = 50_000
"""Customers that the two models are fitted to; everybody is forecast."""
MIN_REPEATERS: Final = 10
"""Customers with a second order without whom nothing is forecast."""
INTERVAL: Final = (0.1, 0.9)


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """A row per customer, in the order of ``users``, and how far last month's forecasts were off."""

    users: NDArray[np.object_]
    table: pa.Table
    """``user_id, orders_so_far, revenue_so_far, mean_order_value, mean_gap_days, last_order_us, orders_365d,
    orders_365d_low, orders_365d_high, revenue_365d, revenue_365d_low, revenue_365d_high, alive``."""
    last_month: dict[str, float]
    """Mean absolute error of the forecast of each customer's orders and revenue in the last 30 days, made before them,
    beside that of forecasting nothing; empty where the log is too short."""


def forecast_customers(connection: "duckdb.DuckDBPyConnection", as_of: float, *, seed: int) -> Forecasts | None:
    """Return the forecasts of all customers as of a midnight; None where too few ordered twice.

    Args:
        connection: with the marts of orders and features as views.
        as_of: in days since 1970 UTC.
        seed: of the draws.
    """
    users, histories = customers_at(connection, as_of)
    model = fit_buyers(histories, seed=seed)
    if model is None:
        return None
    orders, revenue = _expected(model, histories, days=YEAR)
    low, high = _interval(model, histories, days=YEAR, seed=seed)
    so_far = np.bincount(histories.rows, weights=histories.values, minlength=len(histories))
    means = so_far / histories.lengths
    worth = revenue / np.maximum(orders, 1e-12)
    spans = histories.days[histories.ends - 1] - histories.days[histories.starts]
    gaps = np.where(histories.lengths > 1, spans / np.maximum(histories.lengths - 1, 1), np.nan)
    table = pa.table(
        {
            "user_id": pa.array(users.tolist(), pa.string()),
            "orders_so_far": histories.lengths,
            "revenue_so_far": so_far,
            "mean_order_value": means,
            "mean_gap_days": pa.array(gaps, from_pandas=True),
            "last_order_us": np.round(histories.days[histories.ends - 1] * 86_400e6).astype(np.int64),
            "orders_365d": orders,
            "orders_365d_low": low,
            "orders_365d_high": high,
            "revenue_365d": revenue,
            "revenue_365d_low": low * worth,
            "revenue_365d_high": high * worth,
            "alive": model.bg_nbd.alive(RecencyFrequency.of(histories)),
        }
    )
    return Forecasts(users=users, table=table, last_month=_last_month(connection, as_of, seed=seed))


def customers_at(connection: "duckdb.DuckDBPyConnection", as_of: float) -> tuple[NDArray[np.object_], Histories]:
    """Return every customer with an order before a midnight, and their orders as they were known then."""
    moment = f"make_timestamptz({int(as_of * 86_400) * 1_000_000})"
    orders = visible_rows(connection, "user_order_history_daily", USER_ORDER_HISTORY)
    blanks = ", ".join(f"null::double as {name}" for name in CHURN_USER_FEATURES)
    table = (
        connection.sql(f"""
        select user_id, {moment} as event_timestamp, last_seen_us, ordered_us, order_values, {blanks}
        from {orders} as orders where visible <= {moment}
        qualify row_number() over (partition by user_id order by visible desc) = 1
        order by user_id
    """)
        .to_arrow_table()
        .combine_chunks()
    )
    return np.array(table["user_id"].to_pylist(), dtype=np.object_), read_histories(table)


def fit_buyers(histories: Histories, *, seed: int) -> SteadyBuyers | None:
    """Fit BG/NBD and Gamma-Gamma to at most :data:`MAX_FITTED` customers; None where too few ordered twice."""
    if len(histories) > MAX_FITTED:
        drawn = np.zeros(len(histories), dtype=np.bool_)
        drawn[np.random.default_rng(seed).permutation(len(histories))[:MAX_FITTED]] = True
        histories = histories.take(drawn)
    customers = RecencyFrequency.of(histories) if len(histories) else None
    if customers is None or int((customers.repeats > 0).sum()) < MIN_REPEATERS:
        return None
    days = customers.repeats + 1
    means = np.bincount(histories.rows, weights=histories.values, minlength=len(histories)) / days
    gamma_gamma = fit_gamma_gamma(days, means) if (means > 0).any() else None
    return SteadyBuyers(bg_nbd=fit_bg_nbd(customers), gamma_gamma=gamma_gamma)


def _expected(model: SteadyBuyers, histories: Histories, *, days: float) -> tuple[Floats, Floats]:
    expected = model.bg_nbd.expected_orders(RecencyFrequency.of(histories), days=days)
    return expected, model.revenue(histories, horizon_days=days)


def _interval(model: SteadyBuyers, histories: Histories, *, days: float, seed: int) -> tuple[Floats, Floats]:
    """Return the ends of the interval of four fifths of the orders to come, shape (U,) each.

    Of who has not stopped, the rate is Gamma(r + x, alpha + age) and the chance to stop after an order
    Beta(a, b + x): the orders are those of the rate, cut where the customer stops.
    """
    rng = np.random.default_rng(seed)
    customers = RecencyFrequency.of(histories)
    alive, bg_nbd = model.bg_nbd.alive(customers), model.bg_nbd
    ends = np.empty((2, len(histories)))
    for at in range(0, len(histories), AT_ONCE):
        part = slice(at, at + AT_ONCE)
        x, age = customers.repeats[part, None], customers.age[part, None]
        size = (len(x), DRAWS)
        rates = rng.gamma(np.broadcast_to(bg_nbd.r + x, size)) / (bg_nbd.alpha + age)
        stops = rng.beta(bg_nbd.a, np.broadcast_to(bg_nbd.b + x, size))
        orders = np.minimum(rng.poisson(rates * days), rng.geometric(np.clip(stops, 1e-9, 1.0)))
        orders = np.where(rng.random(size) < alive[part, None], orders, 0)
        ends[:, part] = np.quantile(orders, INTERVAL, axis=1)
    return ends[0], ends[1]


def _last_month(connection: "duckdb.DuckDBPyConnection", as_of: float, *, seed: int) -> dict[str, float]:
    users, before = customers_at(connection, as_of - MONTH)
    model = fit_buyers(before, seed=seed)
    if model is None:
        return {}
    orders, revenue = _expected(model, before, days=MONTH)
    now_users, now = customers_at(connection, as_of)
    recent = now.days >= as_of - MONTH
    days = np.bincount(now.rows[recent], minlength=len(now))
    money = np.bincount(now.rows[recent], weights=now.values[recent], minlength=len(now))
    place = {user: number for number, user in enumerate(now_users)}
    rows = np.array([place.get(user, -1) for user in users])
    there = rows >= 0
    came, spent = days[rows[there]], money[rows[there]]
    return {
        "customers": float(there.sum()),
        "orders_mae": round(float(np.abs(orders[there] - came).mean()), 4),
        "orders_mae_of_nothing": round(float(came.mean()), 4),
        "orders_forecast": round(float(orders[there].sum()), 1),
        "orders_came": round(float(came.sum()), 1),
        "revenue_mae": round(float(np.abs(revenue[there] - spent).mean()), 4),
        "revenue_mae_of_nothing": round(float(spent.mean()), 4),
    }
