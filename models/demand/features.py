"""What the boosted trees are told of an item at an origin: ratios to its level, its shelf's trend, price and season.

All is known at the origin; prices and promotions of the future are not. Ratios make items of all sizes alike, so
that one
model learns from all of them.

Shapes: N items, T periods, H ahead, F features of an origin, G features of an origin and a period ahead.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.demand.hierarchy import Hierarchy
from models.demand.levels import PRIOR_UNITS, season_ahead, season_profiles, smoothed_levels
from models.demand.metrics import first_sales
from models.demand.panel import Floats, Numbers, Panel

ALPHA: Final = 0.05
"""Forgetting of the level that the ratios are to."""
WINDOWS: Final = {"day": (7, 14, 28, 56, 112), "week": (1, 2, 4, 8, 16), "month": (1, 2, 3, 6, 12)}
"""Periods whose mean is compared with the level."""
TINY: Final = 1e-3


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What is known of every item when the forecast is made."""

    levels_N: Floats
    """Level of each item, its season taken out."""
    profile_NP: Floats
    """Season of each item; place 0 is the first period ahead."""
    fixed_NF: Floats
    """Features that are the same for all periods ahead."""
    last_year_NH: Floats
    """Sales of the same period a year before, beside the level; ``nan`` where there are none."""
    weekday: int
    """Weekday of the first period ahead, where periods are days; else 0."""
    month: int
    """Month of the last period so far, from 0."""

    def base(self, horizon: int) -> Floats:
        """Return level times season, shape (N, H)."""
        return np.asarray(self.levels_N[:, None] * season_ahead(self.profile_NP, 0, horizon))

    def rows(self, items: Numbers, ahead: Numbers) -> Floats:
        """Return the features of chosen pairs of an item and a period ahead (from 0), one a row."""
        season = self.profile_NP.shape[1]
        moving = [
            ahead,
            (self.weekday + ahead) % 7 if season == 7 else (self.month + ahead) % 12,
            self.profile_NP[items, ahead % season],
            self.last_year_NH[items, ahead],
        ]
        return np.column_stack([self.fixed_NF[items], *moving]).astype(np.float64)


def origin_of(panel: Panel, hierarchy: Hierarchy, horizon: int) -> Origin:
    """Return what a panel that ends at the origin tells of its items."""
    profile_MP = profiles_of(panel, hierarchy)
    items = hierarchy.aggregates
    begins_M = begins_of(panel, hierarchy)
    units_MT = hierarchy.all_levels(panel.units)
    levels_M = smoothed_levels(units_MT, begins_M, profile_MP, alpha=ALPHA)
    levels_N = levels_M[items:]
    length = panel.periods
    windows = [min(window, length) for window in WINDOWS[panel.period]]
    ratios_MW = np.column_stack([_recent(units_MT, begins_M, window) for window in windows]) + TINY
    ratios_MW = np.log(ratios_MW / (levels_M[:, None] + TINY))
    shelf = _shelves(hierarchy)
    sold = panel.units > 0
    since = length - 1 - np.where(sold.any(axis=1), length - 1 - sold[:, ::-1].argmax(axis=1), -1)
    age = np.maximum(length - panel.begins, 1)
    rate = sold.sum(axis=1) / age
    mean_sale = panel.units.sum(axis=1) / np.maximum(sold.sum(axis=1), 1)
    spread = np.sqrt(np.maximum((panel.units**2).sum(axis=1) / np.maximum(sold.sum(axis=1), 1) - mean_sale**2, 0.0))
    recent = slice(max(length - panel.season * 4, 0), length)
    newest_price = panel.price[:, -1]
    fixed = [
        np.log(levels_N + TINY),
        *ratios_MW[items:].T,
        *ratios_MW[shelf].T,
        *ratios_MW[:1].repeat(len(levels_N), axis=0).T,
        since,
        age,
        rate,
        sold[:, recent].mean(axis=1),
        np.log(mean_sale + TINY),
        spread / np.maximum(mean_sale, TINY),
        _relative(newest_price, panel.price),
        panel.promotion[:, -1],
        panel.promotion[:, recent].mean(axis=1),
        shelf,
    ]
    ahead = panel.future(1)[0]
    return Origin(
        levels_N=levels_N,
        profile_NP=profile_MP[items:],
        fixed_NF=np.column_stack(fixed).astype(np.float64),
        last_year_NH=_last_year(panel, levels_N, horizon),
        weekday=int(ahead.weekday()) if panel.period == "day" else 0,
        month=int(ahead.month) - 1,
    )


def profiles_of(panel: Panel, hierarchy: Hierarchy) -> Floats:
    """Return the season of every series, each drawn to the one above it, shape (M, P)."""
    count = len(hierarchy.levels)
    parents = np.zeros(count, dtype=np.intp)
    parents[hierarchy.aggregates :] = _shelves(hierarchy)
    # An aggregate lies below the smallest one that has its items, of the levels before it.
    aggregate_levels = list(dict.fromkeys(hierarchy.levels[: hierarchy.aggregates]))
    if len(aggregate_levels) > 2:
        inner = np.flatnonzero(hierarchy.levels == aggregate_levels[-1])
        middle = np.flatnonzero(hierarchy.levels == aggregate_levels[1])
        overlap = (hierarchy.sums_AN[inner] @ hierarchy.sums_AN[middle].T).toarray()
        parents[inner] = middle[overlap.argmax(axis=1)]
    prior = np.where(np.arange(count) < hierarchy.aggregates, PRIOR_UNITS["category"], PRIOR_UNITS["item"])
    return season_profiles(
        hierarchy.all_levels(panel.units), parents, prior, season=panel.season, begins_M=begins_of(panel, hierarchy)
    )


def begins_of(panel: Panel, hierarchy: Hierarchy) -> Numbers:
    """Return the first period of every series; an aggregate begins with its first sale."""
    return np.concatenate([first_sales(hierarchy.sums_AN @ panel.units), panel.begins])


def _shelves(hierarchy: Hierarchy) -> Numbers:
    """Return the number of each item's smallest aggregate, shape (N,)."""
    rows, columns = hierarchy.sums_AN.nonzero()
    shelves = np.zeros(hierarchy.sums_AN.shape[1], dtype=np.intp)
    np.maximum.at(shelves, columns, rows)
    return shelves


def _recent(units_MT: Floats, begins_M: Numbers, window: int) -> Floats:
    length = units_MT.shape[1]
    return np.asarray(units_MT[:, length - window :].sum(axis=1) / np.clip(length - begins_M, 1, window))


def _relative(newest_N: Floats, price_NT: Floats) -> Floats:
    """Return the newest price beside the item's mean; ``nan`` where it has none."""
    there = np.isfinite(price_NT)
    mean = np.where(there, price_NT, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.asarray(newest_N / np.where(mean > 0, mean, np.nan))


def _last_year(panel: Panel, levels_N: Floats, horizon: int) -> Floats:
    year = panel.season if panel.season > 7 else 364
    ratios = np.full((len(levels_N), horizon), np.nan)
    places = panel.periods - year + np.arange(horizon)
    there = (places >= 0) & (places < panel.periods)
    ratios[:, there] = panel.units[:, places[there]] / (levels_N[:, None] + TINY)
    return ratios
