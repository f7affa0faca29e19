"""From a table of customers at as-of dates to histories and labels; serving reads the same columns of one customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.churn.histories import Histories, LabelledRows, Outcomes
from models.columns import encode
from models.evaluation.fairness import Groups, groups_of
from models.tabular.errors import BadTrainingTableError
from shopsight.contracts import USER_ORDER_HISTORY
from shopsight.families import CHURN_USER_FEATURES

Floats = NDArray[np.float64]

KEYS: Final = ("user_id", "event_timestamp", "observed_days", "revenue_after", "horizon_days")
LABEL: Final = "days_to_next_order"
LAST_DAY: Final = CHURN_USER_FEATURES
"""Columns of ``user_features``: as they were at the end of the customer's last active day."""
FEATURES: Final = (*USER_ORDER_HISTORY, *LAST_DAY)
"""What is read through the feature service ``churn_v1``."""
LISTS: Final = ("ordered_us", "order_values")
"""The columns among them that hold a list: an entry an order."""
ACTIVITY: Final = ("days_since_last_event", *(f"{name}_at_last_visit" for name in LAST_DAY))
"""Columns of ``Histories.activity``."""
US_PER_DAY: Final = 86_400e6


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
    groups: Groups
    """Age band and gender of each row's customer, where the table has them; no feature is made of them."""


def customer_rows(table: pa.Table, *, horizon_days: int) -> CustomerRows:
    """Read a training table.

    Raises:
        BadTrainingTableError: a column is missing, or the labels are of another horizon.
    """
    missing = [name for name in (*KEYS, LABEL, *FEATURES) if name not in table.column_names]
    if missing:
        raise BadTrainingTableError(
            f"the churn training table lacks {', '.join(missing)}",
            why="the model trains on the keys, the labels, and the features of its feature service",
            fix="build the table from churn_labels through the feature service churn_v1",
        )
    horizons = set(table["horizon_days"].unique().to_pylist())
    if horizons - {horizon_days}:
        raise BadTrainingTableError(
            f"the labels are of {', '.join(map(str, sorted(horizons)))} days, the model of {horizon_days}",
            why="revenue_after is summed over the horizon of the mart",
            fix="set the dbt variable churn_horizon_days and the setting horizon_days to the same number",
        )
    for name in LISTS:
        # Of a shop without a customer, the join's columns have no type.
        if pa.types.is_null(table[name].type):
            table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.list_(pa.string())))
    # Column by column in Arrow: a million customers as Python objects would take a minute.
    has_ordered = pc.fill_null(pc.greater(pc.list_value_length(table["ordered_us"]), 0), False)
    chosen = table.filter(has_ordered).combine_chunks()
    histories = read_histories(chosen)
    as_of = histories.as_of
    waits = _floats(pc.fill_null(chosen[LABEL].cast(pa.float64()), np.inf))
    observed = np.asarray(chosen["observed_days"].to_numpy(), dtype=np.float64)
    return CustomerRows(
        labelled=LabelledRows(
            histories=histories,
            outcomes=Outcomes(
                churned=waits >= horizon_days,
                days_to_next=waits,
                revenue=np.asarray(chosen["revenue_after"].to_numpy(), dtype=np.float64),
            ),
        ),
        users=np.array(chosen["user_id"].to_pylist(), dtype=np.object_),
        observed_until=float((as_of + observed).max()) if len(as_of) else 0.0,
        without_history=table.num_rows - chosen.num_rows,
        groups=groups_of(chosen),
    )


def read_histories(rows: pa.Table) -> Histories:
    """Return the histories of customers, each with an order before its ``event_timestamp``.

    Args:
        rows: ``user_id``, ``event_timestamp`` and :data:`FEATURES`, in one chunk a column.
    """
    as_of = _days(rows["event_timestamp"])
    orders, values = (pa.concat_arrays(rows[name].chunks or [pa.array([], rows[name].type)]) for name in LISTS)
    return Histories(
        customers=encode(rows["user_id"]).places,
        as_of=as_of,
        lengths=np.asarray(pc.list_value_length(orders), dtype=np.intp),
        days=_floats(pc.list_flatten(orders)) / US_PER_DAY,
        values=_floats(pc.list_flatten(values)),
        activity=np.column_stack(
            [
                as_of - _floats(rows["last_seen_us"]) / US_PER_DAY,
                *(_floats(rows[name]) for name in LAST_DAY),
            ]
        ),
    )


def histories_of(columns: Mapping[str, Sequence[Any]], as_of: Floats) -> Histories:
    """Return histories from columns of :data:`FEATURES`, one entry a customer; each has an order before ``as_of``.

    The lists hold numbers, or texts of them, as the online stores keep lists.
    """
    lists = columns["ordered_us"]
    seen = as_of - _numbers(columns["last_seen_us"]) / US_PER_DAY
    return Histories(
        customers=np.arange(len(lists)),
        as_of=as_of,
        lengths=np.array([len(orders) for orders in lists], dtype=np.intp),
        days=np.concatenate([np.empty(0), *(np.asarray(orders, dtype=np.float64) for orders in lists)]) / US_PER_DAY,
        values=np.concatenate(
            [np.empty(0), *(np.asarray(values, dtype=np.float64) for values in columns["order_values"])]
        ),
        activity=np.column_stack([seen, *(_numbers(columns[name]) for name in LAST_DAY)]),
    )


def _floats(values: pa.Array | pa.ChunkedArray) -> Floats:
    """Return numbers, or texts of them, ``nan`` where null."""
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _numbers(values: Sequence[Any]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values])


def _days(moments: pa.ChunkedArray) -> Floats:
    micros = moments.cast(pa.timestamp("us", tz="UTC")).to_numpy().astype("datetime64[us]").astype(np.int64)
    return np.asarray(micros / US_PER_DAY, dtype=np.float64)
