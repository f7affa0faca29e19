"""What of each item is there and on its way today, by its newest count and what happened since.

Shapes: N items, H days of a forecast.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.demand.panel import Floats

MAX_COUNT_AGE: Final = 35
"""Days after which a count says nothing of today: sales are known, breakage, theft and returns are not."""
NO_COUNT, OLD_COUNT = "its stock was not counted", "its stock was last counted over five weeks ago"


@dataclass(frozen=True, kw_only=True)
class Position:
    """The stock of each item, shape (N,) each; ``nan`` where it is not known."""

    on_hand_N: Floats
    on_order_N: Floats
    arrives_N: Floats
    """Days from today until that is there; ``nan`` where nothing says."""
    unit_cost_N: Floats
    supplier_N: NDArray[np.object_]
    """Who delivers, or None."""
    unknown_N: NDArray[np.str_]
    """Why the stock is not known, or ''."""

    @property
    def position_N(self) -> Floats:
        """Units there or on order; ``nan`` where not known."""
        return self.on_hand_N + self.on_order_N


def position_of(
    item_ids: NDArray[np.str_], counts: pd.DataFrame, days: pd.DataFrame, unavailable: pd.Series, today: pd.Timestamp
) -> Position:
    """Return what is there ``today``.

    A count holds less what was sold on the days that began after it; what was on order is there once its day is over.
    Where the shop has said after the count that an item cannot be bought, none is there.

    Args:
        item_ids: sorted.
        counts: ``item_id, counted_at, units_on_hand, units_on_order, arrives_at, unit_cost, supplier``, one or more of
            an item; times in the shop's zone, without it.
        days: ``item_id, date, units``: sales by day.
        unavailable: by item_id, since when it cannot be bought, in the shop's zone; only items that cannot.
        today: midnight.
    """
    past = counts[counts["counted_at"] < today + pd.Timedelta(days=1)]
    newest = past.sort_values("counted_at", kind="stable").drop_duplicates("item_id", keep="last")
    newest = newest.set_index("item_id").reindex(item_ids)
    counted = newest["counted_at"]
    later = days.merge(counted.rename("counted_at").rename_axis("item_id").reset_index(), on="item_id")
    later = later[(later["date"] >= later["counted_at"]) & (later["date"] < today)]
    sold = later.groupby("item_id")["units"].sum().reindex(item_ids).fillna(0.0).to_numpy()
    on_order = newest["units_on_order"].astype(float).fillna(0.0).to_numpy()
    arrives = _days_from(today, newest["arrives_at"])
    has_come = np.isfinite(arrives) & (arrives < 0)
    on_hand = newest["units_on_hand"].to_numpy(dtype=np.float64) + np.where(has_come, on_order, 0.0)
    on_hand = np.maximum(on_hand - sold, 0.0)
    gone_since = unavailable.reindex(item_ids)
    on_hand = np.where((gone_since >= counted).to_numpy(), 0.0, on_hand)
    age = -_days_from(today, counted)
    unknown = np.where(np.isnan(age), NO_COUNT, np.where(age > MAX_COUNT_AGE, OLD_COUNT, ""))
    counted_lately = unknown == ""
    return Position(
        on_hand_N=np.where(counted_lately, on_hand, np.nan),
        on_order_N=np.where(counted_lately, np.where(has_come, 0.0, on_order), np.nan),
        arrives_N=np.where(has_come | (on_order <= 0), np.nan, arrives),
        unit_cost_N=newest["unit_cost"].to_numpy(dtype=np.float64),
        supplier_N=np.array([one if isinstance(one, str) else None for one in newest["supplier"]], dtype=object),
        unknown_N=unknown.astype(str),
    )


def _days_from(today: pd.Timestamp, times: pd.Series) -> Floats:
    """Return the days until each time, below 0 where it is past; ``nan`` where there is none."""
    return np.asarray((times - today).dt.total_seconds() / 86_400, dtype=np.float64)


def days_until_out(position: Position, mean_NH: Floats) -> Floats:
    """Return after how many days the stock is expected to be sold, what arrives counted in; ``inf``: not in H days.

    Args:
        position: today.
        mean_NH: expected units of each day from today on.
    """
    days = np.arange(1, mean_NH.shape[1] + 1)
    arrived_NH = np.where(
        days > np.nan_to_num(position.arrives_N, nan=np.inf)[:, None], position.on_order_N[:, None], 0.0
    )
    left_NH = position.on_hand_N[:, None] + arrived_NH - mean_NH.cumsum(axis=1)
    # Half a unit: expected sales are no whole numbers, and a stock of one is not out at noon.
    out_NH = left_NH < np.minimum(0.5, position.on_hand_N[:, None])
    out_NH |= (position.on_hand_N <= 0)[:, None] & (arrived_NH <= 0)
    first = np.where(out_NH.any(axis=1), out_NH.argmax(axis=1).astype(np.float64), np.inf)
    return np.where(np.isnan(position.on_hand_N), np.nan, first)
