"""The forecasts among which validation chooses, made at one origin from what was known there.

Shapes: M series, H periods ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.demand.boosting import Boosting
from models.demand.calendar_days import calendar_factors
from models.demand.features import begins_of, origin_of, profiles_of
from models.demand.hierarchy import Hierarchy
from models.demand.levels import season_ahead, smoothed_levels
from models.demand.panel import Floats, Panel

SLOW, FAST = "level_slow", "level_fast"
ALPHAS: Final = {
    "day": {SLOW: 0.02, "level": 0.05, FAST: 0.15},
    "week": {SLOW: 0.05, "level": 0.15, FAST: 0.4},
    "month": {SLOW: 0.05, "level": 0.15, FAST: 0.4},
}
BOOSTING: Final = "boosting"
SMOOTHING: Final = "ets"
MAX_SMOOTHED: Final = 12
"""Aggregates that exponential smoothing with trend is tried on, largest first: 0.1 s each."""


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """A panel without what the calendar does to all of it, and that factor ahead."""

    panel: Panel
    ahead_H: Floats
    """Factor of each period ahead, shape (H,)."""

    @classmethod
    def of(cls, panel: Panel, horizon: int, country: str | None) -> "Adjusted":
        """Take the calendar out of a panel."""
        factors = calendar_factors(panel, horizon, country)
        units = panel.units / factors[: panel.periods]
        return cls(panel=replace(panel, units=units), ahead_H=factors[panel.periods :])


def item_candidates(
    adjusted: Adjusted, hierarchy: Hierarchy, horizon: int, boosting: Boosting | None
) -> Mapping[str, Floats]:
    """Return the forecasts of every series by level and season, and the trees' of items, the calendar put back.

    Of aggregates the trees say the sum of their items.
    """
    panel = adjusted.panel
    profile_MP = profiles_of(panel, hierarchy)
    season_MH = season_ahead(profile_MP, 0, horizon)
    units_MT, begins_M = hierarchy.all_levels(panel.units), begins_of(panel, hierarchy)
    forecasts = {
        name: smoothed_levels(units_MT, begins_M, profile_MP, alpha=alpha)[:, None] * season_MH
        for name, alpha in ALPHAS[panel.period].items()
    }
    if boosting is not None:
        items_NH = boosting.forecast(origin_of(panel, hierarchy, horizon), horizon)
        forecasts[BOOSTING] = hierarchy.all_levels(items_NH)
    return {name: forecast * adjusted.ahead_H for name, forecast in forecasts.items()}


def smoothed_aggregates(adjusted: Adjusted, hierarchy: Hierarchy, horizon: int, fallback_MH: Floats) -> Floats:
    """Return the aggregates' forecasts by ETS, shape (A, H); of all but the largest, those of ``fallback_MH``.

    A series that ETS cannot be fitted to has the fallback, too.
    """
    from statsforecast.models import AutoETS

    series_AT = hierarchy.sums_AN @ adjusted.panel.units
    forecasts = fallback_MH[: hierarchy.aggregates].copy()
    season = adjusted.panel.season
    model = AutoETS(season_length=season if adjusted.panel.periods >= 2 * season and season <= 24 else 1)
    for row in np.argsort(-series_AT.sum(axis=1), kind="stable")[:MAX_SMOOTHED]:
        begun = series_AT[row, np.argmax(series_AT[row] > 0) :]
        if len(begun) >= 10 and begun.any():
            ahead = np.asarray(model.forecast(y=begun.astype(np.float64), h=horizon)["mean"]) * adjusted.ahead_H
            forecasts[row] = ahead if np.isfinite(ahead).all() else forecasts[row]
    return np.maximum(forecasts, 0.0)
