"""Demand over the days that an order has to last: its mean, its quantiles, and the chance that a stock is too small.

An order that is decided today arrives after the lead time, and the next one a review later: until then what is there
and on its way has to last. Days of one item are wrong together (a level that was guessed too low is too low every day),
so quantiles of the sum are not made of those of days: the spread is learnt from sums over as many days of forecasts
that were made before, and what came. A lead time that varies adds to the variance of that sum.

Source: E. A. Silver, D. F. Pyke, D. J. Thomas, "Inventory and Production Management in Supply Chains" (2017), ch. 6.

Shapes: N items, K earlier origins, W windows of an earlier forecast, H periods ahead.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.demand.forecast import DemandForecast, Earlier
from models.demand.intervals import Spread, fit_sum_spread
from models.demand.panel import Floats

SIZES: Final = np.array(["slow", "middling", "fast"])
MAX_SIZES: Final = (3.0, 20.0)
"""Expected units until the next order but one up to which an item is slow or middling: chance rules the slow ones,
errors of the level the fast ones, and one curve for both would give too much to these and too little to those."""

MAX_START: Final = 7
"""Latest day of an earlier forecast on which a sum that teaches the spread begins: a forecast is at most a week old."""


@dataclass(frozen=True, kw_only=True)
class LeadDemand:
    """Demand of each item over days of its own."""

    days_N: NDArray[np.intp]
    mean_N: Floats
    spread: Spread
    """Of the items, over these days."""

    def quantiles(self, level_N: Floats) -> Floats:
        """Return the units that suffice with a chance of each item's own, shape (N,)."""
        return self.spread.quantile_of_each(self.mean_N, level_N)

    def chance_above(self, units_N: Floats) -> Floats:
        """Return the chance that more than so many units are wanted, shape (N,)."""
        return 1.0 - self.spread.share_up_to(self.mean_N, units_N)


def lead_demand(
    forecast: DemandForecast, days_N: NDArray[np.intp], lead_deviation_N: Floats, *, begun: int = 0
) -> LeadDemand:
    """Return each item's demand over the next ``days_N`` days.

    Args:
        forecast: of days; it must have earlier forecasts to learn a spread from.
        days_N: days until the next order but one can arrive; beyond the forecast's reach its daily mean holds.
        lead_deviation_N: standard deviation of the lead time within it, in days.
        begun: days of the forecast that are over.

    Raises:
        ValueError: the forecast has no earlier ones.
    """
    if forecast.earlier is None or forecast.spread is None:
        raise ValueError("the history is too short to have forecast any of it")
    first = forecast.hierarchy.aggregates
    items_NH = forecast.mean_MH[first:, begun:]
    horizon = items_NH.shape[1]
    mean_N = items_NH.cumsum(axis=1)[np.arange(len(items_NH)), np.minimum(days_N, horizon) - 1]
    mean_N = mean_N * days_N / np.minimum(days_N, horizon)
    inverse_N = np.zeros(len(items_NH))
    curves: dict[str, Floats] = {}
    groups_N = np.empty(len(items_NH), dtype=object)
    sizes_N = SIZES[np.digitize(mean_N, MAX_SIZES)]
    for days in np.unique(days_N):
        its = days_N == days
        spread = _spread_over(forecast.earlier, forecast.spread, first, int(min(days, horizon)), sizes_N)
        inverse_N[its] = spread.inverse_size_M[its]
        groups_N[its] = [f"{group} over {days}" for group in sizes_N[its]]
        curves |= {f"{group} over {days}": curve for group, curve in spread.curves.items()}
    # Demand in a lead time that varies by sd days varies by the daily mean times sd beside: (sd / days)² of mean².
    inverse_N += (lead_deviation_N / days_N) ** 2
    spread = replace(spread, inverse_size_M=inverse_N, groups_M=groups_N.astype(str), curves=curves)
    return LeadDemand(days_N=days_N, mean_N=mean_N, spread=spread)


def _spread_over(earlier: Earlier, daily: Spread, first: int, days: int, groups_N: NDArray[np.str_]) -> Spread:
    """Learn how far sums over so many days fell from their forecast, of items alone."""
    mean_KNW = _window_sums(earlier.mean_KMH[:, first:], days)
    actual_KNW = _window_sums(earlier.actual_KMH[:, first:], days)
    return fit_sum_spread(
        mean_KNW,
        actual_KNW,
        earlier.begun_KM[:, first:],
        groups_N,
        daily_M=daily.inverse_size_M[first:],
        days=days,
        grain=daily.grain,
    )


def _window_sums(values_KNH: Floats, days: int) -> Floats:
    """Return the sums over windows of so many days that begin within the first week of each forecast.

    A sum that lies further ahead is less sure than the one that is asked for: levels wander.
    """
    total = np.concatenate([np.zeros((*values_KNH.shape[:2], 1)), values_KNH.cumsum(axis=2)], axis=2)
    starts = np.arange(0, min(values_KNH.shape[2] - days, MAX_START) + 1)
    return np.asarray(total[:, :, starts + days] - total[:, :, starts])
