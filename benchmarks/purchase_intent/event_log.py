"""A log of views, carts and purchases in RetailRocket's columns, cut into visits, a row per moment to predict from.

A visit ends after 30 minutes without an event. A row stands for each event before the visit's first purchase: no
purchase is an input, and nothing is predicted from the purchase on. An event at the very millisecond of the purchase
counts as not seen before it.

Shapes: E events, R rows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from shopsight.errors import ShopsightError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

VISIT_GAP_MS = 30 * 60 * 1000
DAY_MS = 86_400_000
KINDS = ("view", "addtocart", "transaction")
VIEW, CART, PURCHASE = range(3)


@dataclass(frozen=True, kw_only=True)
class EventLog:
    """Events by shopper, then time; all columns of shape (E,)."""

    times: Ints
    """Milliseconds since 1970, UTC."""
    shoppers: Ints
    """Shopper number."""
    items: Ints
    """Item number."""
    kinds: Ints
    """``VIEW``, ``CART`` or ``PURCHASE``."""
    prices: Floats
    """Price, ``nan`` where the file has none."""
    visits: Ints
    """Visit number, 0 upwards in this order."""

    @classmethod
    def of(cls, times: Ints, shoppers: Ints, items: Ints, kinds: Ints, prices: Floats) -> "EventLog":
        """Sort events and cut them into visits; events of one shopper and millisecond keep the file's order."""
        order = np.lexsort((times, shoppers))
        times, shoppers = times[order], shoppers[order]
        opens = np.ones(len(times), dtype=np.bool_)
        opens[1:] = (np.diff(shoppers) != 0) | (np.diff(times) > VISIT_GAP_MS)
        return cls(
            times=times,
            shoppers=shoppers,
            items=items[order],
            kinds=kinds[order],
            prices=prices[order],
            visits=np.cumsum(opens) - 1,
        )

    @property
    def days(self) -> Ints:
        """Day of each event since 1970, UTC."""
        return self.times // DAY_MS

    @property
    def purchase_times(self) -> Ints:
        """First purchase of each visit, the largest number where there is none; shape (visits,)."""
        first = np.full(int(self.visits[-1]) + 1, np.iinfo(np.int64).max)
        bought = self.kinds == PURCHASE
        np.minimum.at(first, self.visits[bought], self.times[bought])
        return first

    def moments(self) -> Ints:
        """Return the events that are predicted from, as places in this log, shape (R,)."""
        return np.flatnonzero(self.times < self.purchase_times[self.visits])


def read_events(path: Path) -> EventLog:
    """Read a CSV file with the columns ``timestamp, visitorid, event, itemid`` and, where known, ``price``.

    Raises:
        ShopsightError: it cannot be read, lacks a column, or has an event of another kind.
    """
    try:
        table = pa_csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ShopsightError(f"cannot read {path}", why=str(error), fix="give the file as CSV") from error
    missing = [name for name in ("timestamp", "visitorid", "event", "itemid") if name not in table.column_names]
    unknown = [] if missing else sorted(set(table["event"].unique().to_pylist()) - set(KINDS))
    if missing or unknown or not table.num_rows:
        raise ShopsightError(
            f"{path} is no log of events in RetailRocket's columns",
            why=f"missing columns: {missing}; unknown events: {unknown}; rows: {table.num_rows}",
            fix="give RetailRocket's events.csv with its own header",
        )
    prices = table["price"].cast(pa.float64()).to_numpy() if "price" in table.column_names else None
    return EventLog.of(
        np.asarray(table["timestamp"].to_numpy(), dtype=np.int64),
        np.unique(table["visitorid"].to_numpy(), return_inverse=True)[1].astype(np.int64),
        np.unique(table["itemid"].to_numpy(), return_inverse=True)[1].astype(np.int64),
        np.array([KINDS.index(kind) for kind in table["event"].to_pylist()], dtype=np.int64),
        np.full(table.num_rows, np.nan) if prices is None else np.asarray(prices, dtype=np.float64),
    )
