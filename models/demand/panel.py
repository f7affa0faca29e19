"""Sales as a panel: a row per item, a column per period, with the levels that they add up to.

Shapes: N items, T periods, C categories, D departments.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shopsight.errors import ShopsightError

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]
Period = Literal["day", "week", "month"]

SEASONS: Final[dict[Period, int]] = {"day": 7, "week": 52, "month": 12}
"""Periods of the season that each kind of panel has: a week of days, a year of weeks or months."""
HORIZONS: Final[dict[Period, int]] = {"day": 56, "week": 8, "month": 12}
"""How far a forecast looks ahead: eight weeks, or a year of months."""
PATH: Final = " > "
"""Between the parts of a category's path; the first part is the department."""
MIN_PERIODS: Final = 8
"""Below so many periods there is nothing to learn from."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Sales of items over periods without a gap."""

    item_ids: NDArray[np.str_]
    """Shape (N,), sorted."""
    categories: NDArray[np.str_]
    """Full path of each item's category, shape (N,); ``(none)`` where it has none."""
    period: Period
    """What a column is."""
    starts: pd.DatetimeIndex
    """First day of each period, shape (T,)."""
    units: Floats
    """Shape (N, T); 0 where nothing was sold."""
    begins: Numbers
    """Period of each item's first row: before it, it was not on sale."""
    price: Floats
    """Mean price, shape (N, T), carried on over periods without one; ``nan`` before the first."""
    promotion: Floats
    """Share of the period under promotion, shape (N, T)."""

    @property
    def season(self) -> int:
        """Periods of the season."""
        return SEASONS[self.period]

    @property
    def periods(self) -> int:
        """T."""
        return int(self.units.shape[1])

    def until(self, end: int) -> "Panel":
        """Return what was known after the first ``end`` periods."""
        return Panel(
            item_ids=self.item_ids,
            categories=self.categories,
            period=self.period,
            starts=self.starts[:end],
            units=self.units[:, :end],
            begins=np.minimum(self.begins, end),
            price=self.price[:, :end],
            promotion=self.promotion[:, :end],
        )

    def future(self, horizon: int) -> pd.DatetimeIndex:
        """Return the first days of the next ``horizon`` periods."""
        return _starts(self.starts[-1], horizon + 1, self.period)[1:]


def build_panel(rows: pd.DataFrame, *, period: Period | None = None) -> Panel:
    """Return the panel of ``item_id, date, units`` and, where they are there, ``price, promotion, category``.

    Rows of one item and period are added up; periods without a row have no sales. The last category of an item counts.

    Args:
        rows: one or more rows; ``date`` is a date or timestamp, ``units`` is not negative.
        period: what a column is; None: as the dates say.

    Raises:
        ShopsightError: there is no row, or fewer than 8 periods.
    """
    if rows.empty:
        raise ShopsightError("there are no sales", why="no row is left", fix="give rows of item_id, date, units")
    dates = pd.DatetimeIndex(rows["date"]).normalize()
    period = period or period_of(dates)
    first_days = _period_starts(dates, period)
    length = len(_starts_between(first_days.min(), first_days.max(), period))
    starts = _starts(first_days.min(), length, period)
    if length < MIN_PERIODS:
        raise ShopsightError(
            f"{length} {period}s of sales are too few",
            why=f"a forecast needs {MIN_PERIODS} periods or more",
            fix="give a longer history",
        )
    item_ids, item_R = np.unique(rows["item_id"].to_numpy(dtype=str), return_inverse=True)
    place_R = starts.get_indexer(first_days)
    shape = (len(item_ids), length)
    cell_R = item_R * length + place_R
    units_R = rows["units"].to_numpy(dtype=np.float64)
    begins = np.full(len(item_ids), length, dtype=np.intp)
    np.minimum.at(begins, item_R, place_R)
    return Panel(
        item_ids=item_ids,
        categories=_categories(rows, item_R, len(item_ids), dates),
        period=period,
        starts=starts,
        units=np.bincount(cell_R, weights=units_R, minlength=shape[0] * length).reshape(shape).astype(np.float64),
        begins=begins,
        price=_prices(rows, cell_R, units_R, shape),
        promotion=_means(rows, "promotion", cell_R, np.ones(len(rows)), shape, empty=0.0),
    )


def period_of(dates: pd.DatetimeIndex) -> Period:
    """Return whether dates are of days, weeks or months, by the gaps between them.

    Raises:
        ShopsightError: there is one date alone.
    """
    days = np.unique(dates.to_numpy().astype("datetime64[D]").astype(np.int64))
    if len(days) < 2:
        raise ShopsightError("all sales are of one day", why="one date has no gaps", fix="give a longer history")
    gaps = np.diff(days)
    if gaps.min() >= 27:
        return "month"
    # A holiday moves the day that stands for a week.
    return "week" if np.median(gaps) >= 6 and gaps.min() >= 4 else "day"


def _period_starts(dates: pd.DatetimeIndex, period: Period) -> pd.DatetimeIndex:
    if period == "day":
        return dates
    if period == "month":
        return dates.to_period("M").to_timestamp()
    # Weeks begin on the weekday that most rows stand for.
    weekday = int(np.bincount(dates.weekday, minlength=7).argmax())
    # The nearest such day: a date that a holiday moved by up to three days stays in its week.
    return dates - pd.to_timedelta((dates.weekday - weekday + 3) % 7 - 3, unit="D")


def _starts(first: pd.Timestamp, count: int, period: Period) -> pd.DatetimeIndex:
    frequency = {"day": "D", "week": "7D", "month": "MS"}[period]
    return pd.date_range(first, periods=count, freq=frequency)


def _starts_between(first: pd.Timestamp, last: pd.Timestamp, period: Period) -> pd.DatetimeIndex:
    return pd.date_range(first, last, freq={"day": "D", "week": "7D", "month": "MS"}[period])


def _categories(rows: pd.DataFrame, item_R: Numbers, items: int, dates: pd.DatetimeIndex) -> NDArray[np.str_]:
    categories = np.full(items, "(none)", dtype=object)
    if "category" in rows:
        named = np.flatnonzero(rows["category"].notna().to_numpy())
        named = named[np.argsort(dates.to_numpy()[named], kind="stable")]
        categories[item_R[named]] = rows["category"].to_numpy()[named].astype(str)
    return categories.astype(str)


def _prices(rows: pd.DataFrame, cell_R: Numbers, units_R: Floats, shape: tuple[int, int]) -> Floats:
    """Return the mean price by units sold, carried on; a period with rows of 0 units alone has their plain mean."""
    weights = np.maximum(units_R, 1e-6)
    price = _means(rows, "price", cell_R, weights, shape, empty=np.nan)
    return pd.DataFrame(price.T).ffill().to_numpy().T.copy()


def _means(
    rows: pd.DataFrame, name: str, cell_R: Numbers, weights: Floats, shape: tuple[int, int], *, empty: float
) -> Floats:
    if name not in rows:
        return np.full(shape, empty)
    values = rows[name].to_numpy(dtype=np.float64)
    there = np.isfinite(values)
    total = np.bincount(cell_R[there], weights=(values * weights)[there], minlength=shape[0] * shape[1])
    weight = np.bincount(cell_R[there], weights=weights[there], minlength=shape[0] * shape[1])
    return np.where(weight > 0, total / np.maximum(weight, 1e-300), empty).reshape(shape)
