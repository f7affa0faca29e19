"""From a table of customers at as-of dates to histories and labels; serving reads the same columns of one customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.churn.histories import Histories, LabelledRows, Outcomes
from shopsight.contracts import USER_ORDER_HISTORY
from shopsight.errors import ShopsightError

Floats = NDArray[np.float64]

KEYS: Final = ("user_id", "event_timestamp", "observed_days", "revenue_after", "horizon_days")
LABEL: Final = "days_to_next_order"
LAST_DAY: Final = ("events_7d", "views_28d", "carts_28d", "sessions_28d", "distinct_items_28d", "mean_price_28d")
"""Columns of ``user_features``: as they were at the end of the customer's last active day."""
FEATURES: Final = (*USER_ORDER_HISTORY, *LAST_DAY)
"""What is read through the feature service ``churn_v1``."""
ACTIVITY: Final = ("days_since_last_event", *(f"{name}_at_last_visit" for name in LAST_DAY))
"""Columns of ``Histories.activity``."""
US_PER_DAY: Final = 86_400e6


class BadTrainingTable(ShopsightError):
    """The training table is not what the model trains on."""


@dataclass(frozen=True, kw_only=True)
class CustomerRows:
    """Customers at as-of dates with their histories; labels may still be open."""

    labelled: LabelledRows
    users: NDArray[np.object_]
    """User id of each row."""
    observed_until: float
    """The last moment that the log covers, in days since 1970: labels that end later are open."""
    without_history: int
    """Rows left out: their orders had not arrived by the as-of date."""


def customer_rows(table: pa.Table, *, horizon_days: int) -> CustomerRows:
    """Read a training table.

    Raises:
        BadTrainingTable: a column is missing, or the labels are of another horizon.
    """
    missing = [name for name in (*KEYS, LABEL, *FEATURES) if name not in table.column_names]
    if missing:
        raise BadTrainingTable(
            f"the churn training table lacks {', '.join(missing)}",
            why="the model trains on the keys, the labels, and the features of its feature service",
            fix="build the table from churn_labels through the feature service churn_v1",
        )
    horizons = set(table["horizon_days"].to_pylist())
    if horizons - {horizon_days}:
        raise BadTrainingTable(
            f"the labels are of {', '.join(map(str, sorted(horizons)))} days, the model of {horizon_days}",
            why="revenue_after is summed over the horizon of the mart",
            fix="set the dbt variable churn_horizon_days and the setting horizon_days to the same number",
        )
    known = np.array([bool(orders) for orders in table["ordered_us"].to_pylist()], dtype=np.bool_)
    kept = table.filter(pa.array(known, pa.bool_()))
    users = np.array(kept["user_id"].to_pylist(), dtype=np.object_)
    as_of = _days(kept["event_timestamp"])
    columns = {name: kept[name].to_pylist() for name in FEATURES}
    histories = histories_of(columns, as_of, customers=np.unique(users.astype(str), return_inverse=True)[1])
    waits = np.array([np.inf if wait is None else float(wait) for wait in kept[LABEL].to_pylist()])
    observed = np.asarray(kept["observed_days"].to_numpy(), dtype=np.float64)
    return CustomerRows(
        labelled=LabelledRows(
            histories=histories,
            outcomes=Outcomes(
                churned=waits >= horizon_days,
                days_to_next=waits,
                revenue=np.asarray(kept["revenue_after"].to_numpy(), dtype=np.float64),
            ),
        ),
        users=users,
        observed_until=float((as_of + observed).max()) if len(as_of) else 0.0,
        without_history=int((~known).sum()),
    )


def histories_of(
    columns: Mapping[str, Sequence[Any]], as_of: Floats, *, customers: NDArray[np.intp] | None = None
) -> Histories:
    """Return histories from columns of :data:`FEATURES`, one entry a customer; each has an order before ``as_of``.

    The lists hold numbers, or texts of them, as the online stores keep lists.
    """
    lists = columns["ordered_us"]
    lengths = np.array([len(orders) for orders in lists], dtype=np.intp)
    seen = as_of - _numbers(columns["last_seen_us"]) / US_PER_DAY
    return Histories(
        customers=np.arange(len(lists)) if customers is None else customers,
        as_of=as_of,
        lengths=lengths,
        days=np.concatenate([np.empty(0), *(np.asarray(orders, dtype=np.float64) for orders in lists)]) / US_PER_DAY,
        values=np.concatenate(
            [np.empty(0), *(np.asarray(values, dtype=np.float64) for values in columns["order_values"])]
        ),
        activity=np.column_stack([seen, *(_numbers(columns[name]) for name in LAST_DAY)]),
    )


def _numbers(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values])


def _days(moments: pa.ChunkedArray) -> Floats:
    micros = moments.cast(pa.timestamp("us", tz="UTC")).to_numpy().astype("datetime64[us]").astype(np.int64)
    return np.asarray(micros / US_PER_DAY, dtype=np.float64)
