"""Level and season: what a series sells on average of late, times what its season makes of it.

The average forgets old periods exponentially, as simple exponential smoothing does; zeros count, so that it is that of
Teunter, Syntetos and Babai for intermittent demand. A season is learnt from all items of a category and of the shop,
as far as
the item's own sales are too few to tell one.

Sources: R. H. Teunter, A. A. Syntetos, M. Z. Babai, "Intermittent demand: linking forecasting to inventory
obsolescence"
(2011); E. S. Gardner, "Exponential smoothing: the state of the art" (1985).

Shapes: M series, T periods so far, H ahead, P places of the season.
"""

from typing import Final

import numpy as np

from models.demand.panel import Floats, Numbers

RECENT_SEASONS: Final = {7: 12, 12: 4, 52: 3}
"""Seasons whose mean is the profile: twelve weeks, four or three years."""
PRIOR_UNITS: Final = {"item": 60.0, "category": 1_000.0}
"""Units that the profile above counts for beside a series' own."""


def smoothed_levels(units_MT: Floats, begins_M: Numbers, profile_MP: Floats, *, alpha: float) -> Floats:
    """Return each series' exponentially weighted mean per period, its season taken out, shape (M,).

    Args:
        units_MT: sales so far.
        begins_M: first period of each; those before it do not count.
        profile_MP: the season, as :func:`season_profiles` returns it.
        alpha: share of the newest period.
    """
    length = units_MT.shape[1]
    weights_T = (1.0 - alpha) ** np.arange(length - 1, -1, -1)
    on_sale = np.arange(length) >= begins_M[:, None]
    season = season_ahead(profile_MP, -length, length)
    # Sales over expected season, not the mean of ratios: a day that hardly sells must not weigh as one that does.
    level = (units_MT * weights_T * on_sale).sum(axis=1) / np.maximum((season * weights_T * on_sale).sum(axis=1), 1e-9)
    return np.where(on_sale.any(axis=1), level, 0.0)


def season_profiles(
    units_MT: Floats, parents_M: Numbers, prior_units_M: Floats, *, season: int, begins_M: Numbers
) -> Floats:
    """Return what each place of the season sells beside the mean, shape (M, P); place 0 is the first period ahead.

    Args:
        units_MT: sales so far, aggregates before what they add up.
        parents_M: number of the series whose profile is the prior; itself at the top.
        prior_units_M: units that the prior counts for.
        season: P.
        begins_M: first period of each series; a season is learnt from whole ones since then alone.
    """
    length = units_MT.shape[1]
    seasons = min(length // season, RECENT_SEASONS[season])
    ones = np.ones((len(units_MT), season))
    # A single year cannot tell its season from its trend.
    if seasons < (2 if season > 7 else 1):
        return ones
    recent = units_MT[:, length - seasons * season :].reshape(len(units_MT), seasons, season)
    whole = begins_M <= length - seasons * season
    sums_MP = np.where(whole[:, None], recent.sum(axis=1), 0.0)
    profiles = ones
    for number, parent in enumerate(parents_M):
        prior = prior_units_M[number] if parent != number else 1e-6
        total = sums_MP[number].sum() + prior
        profiles[number] = (sums_MP[number] * season + prior * profiles[parent]) / total
    return profiles


def season_ahead(profile_MP: Floats, first: int, count: int) -> Floats:
    """Return the profile of ``count`` periods from ``first`` on (0: the first ahead), shape (M, count)."""
    return np.asarray(profile_MP[:, (np.arange(count) + first) % profile_MP.shape[1]])
