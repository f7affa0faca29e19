"""Order histories as of a moment: what a customer had bought by then, and nothing later.

Shapes: R rows (a customer at an as-of date), O orders of all rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class OrderBook:
    """All orders of a shop, a customer's together and oldest first."""

    customers: Rows
    """Customer number of each order, from 0 without gaps, shape (O,)."""
    days: Floats
    """When each order was made, in days since 1970 UTC."""
    values: Floats
    """What each order brought, in the shop's currency."""

    @classmethod
    def of(cls, customers: Rows, days: Floats, values: Floats) -> "OrderBook":
        """Sort orders in any sequence; customer numbers become places among the distinct ones.

        Raises:
            ValueError: the arrays differ in length, or hold no order.
        """
        if not len(customers) == len(days) == len(values) > 0:
            raise ValueError("customers, days and values must have the same length, above zero")
        numbers = np.unique(customers, return_inverse=True)[1]
        order = np.lexsort((days, numbers))
        return cls(customers=numbers[order], days=days[order], values=values[order])

    def histories(self, as_of: float) -> "Histories":
        """Return what is known at ``as_of`` of each customer with an order before it."""
        past = self.days < as_of
        customers, lengths = np.unique(self.customers[past], return_counts=True)
        return Histories(
            customers=customers,
            as_of=np.full(len(customers), as_of),
            lengths=lengths,
            days=self.days[past],
            values=self.values[past],
        )

    def outcomes(self, rows: "Histories", *, horizon_days: float) -> "Outcomes":
        """Return what each row's customer did from its as-of date on; only the days that follow it are read."""
        first = np.searchsorted(self._keys, self._key(rows.customers, rows.as_of), side="left")
        last = np.searchsorted(self._keys, self._key(rows.customers, rows.as_of + horizon_days), side="left")
        spent = np.append(0.0, np.cumsum(self.values))
        has_next = (first < len(self.days)) & (self.customers[np.minimum(first, len(self.days) - 1)] == rows.customers)
        next_days = np.where(has_next, self.days[np.minimum(first, len(self.days) - 1)] - rows.as_of, np.inf)
        return Outcomes(churned=first == last, days_to_next=next_days, revenue=spent[last] - spent[first])

    @property
    def _keys(self) -> Floats:
        return self._key(self.customers, self.days)

    def _key(self, customers: Rows, days: Floats) -> Floats:
        """Return one number that sorts by customer, then day; 2**17 days are 358 years."""
        return customers * 131_072.0 + days


@dataclass(frozen=True, kw_only=True)
class Histories:
    """What is known of customers, each at a moment of its own."""

    customers: Rows
    """Customer number of each row, shape (R,)."""
    as_of: Floats
    """The moment, in days since 1970 UTC; every order of the row lies before it."""
    lengths: Rows
    """Orders of each row, at least 1."""
    days: Floats
    """When each order was made, a row's together and oldest first, shape (O,)."""
    values: Floats
    """What each order brought."""
    activity: Floats | None = None
    """What else is known of each row, such as visits, shape (R, A); ``None`` where only orders are."""

    def __len__(self) -> int:
        return len(self.customers)

    @property
    def ends(self) -> Rows:
        """Place after the last order of each row."""
        return np.cumsum(self.lengths)

    @property
    def starts(self) -> Rows:
        """Place of the first order of each row."""
        return self.ends - self.lengths

    @property
    def rows(self) -> Rows:
        """Row of each order, shape (O,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def recency_days(self) -> Floats:
        """Days since the last order."""
        return self.as_of - self.days[self.ends - 1]

    def take(self, chosen: NDArray[np.bool_]) -> "Histories":
        """Return the rows where ``chosen`` is true."""
        orders = np.repeat(chosen, self.lengths)
        return Histories(
            customers=self.customers[chosen],
            as_of=self.as_of[chosen],
            lengths=self.lengths[chosen],
            days=self.days[orders],
            values=self.values[orders],
            activity=None if self.activity is None else self.activity[chosen],
        )

    @staticmethod
    def joined(parts: "Sequence[Histories]") -> "Histories":
        """Return the rows of all parts, one after the other; their activity is left out."""
        return Histories(
            customers=np.concatenate([part.customers for part in parts]),
            as_of=np.concatenate([part.as_of for part in parts]),
            lengths=np.concatenate([part.lengths for part in parts]),
            days=np.concatenate([part.days for part in parts]),
            values=np.concatenate([part.values for part in parts]),
        )


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What customers did after their as-of dates."""

    churned: NDArray[np.bool_]
    """Whether no order came within the horizon, shape (R,)."""
    days_to_next: Floats
    """Days to the next order, infinite where the data hold none."""
    revenue: Floats
    """What the orders within the horizon brought."""


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Customers at as-of dates, and what came after; a label may be read only once its days are over."""

    histories: Histories
    outcomes: Outcomes

    def __len__(self) -> int:
        return len(self.histories)

    @classmethod
    def of(cls, book: OrderBook, as_of_dates: Floats, *, horizon_days: float) -> "LabelledRows":
        """Return every customer with an order before each date."""
        histories = Histories.joined([book.histories(date) for date in as_of_dates])
        return cls(histories=histories, outcomes=book.outcomes(histories, horizon_days=horizon_days))

    @property
    def as_of(self) -> Floats:
        """As-of date of each row, in days since 1970 UTC."""
        return self.histories.as_of

    def take(self, chosen: NDArray[np.bool_]) -> "LabelledRows":
        """Return the rows where ``chosen`` is true."""
        outcomes = Outcomes(
            churned=self.outcomes.churned[chosen],
            days_to_next=self.outcomes.days_to_next[chosen],
            revenue=self.outcomes.revenue[chosen],
        )
        return LabelledRows(histories=self.histories.take(chosen), outcomes=outcomes)
