"""What the days of a month and holidays do to a shop's sales as a whole: a factor per day, the same for every item.

It is learnt from the sum of all items, whose noise is smallest: the logarithm of each day beside the days around it,
by a
ridge regression on the day of the month (pay days) and on the days around public holidays. Ridge chooses its penalty by
leaving days out, so that a shop where neither matters gets factors near 1. Weeks and months have none.

Shapes: T periods so far, H ahead, F features of a day.
"""

from typing import Final

import numpy as np
import pandas as pd

from models.demand.panel import Floats, Panel

HARMONICS: Final = 4
"""Waves of a month that the day of the month is made of."""
AROUND: Final = (-3, -2, -1, 0, 1)
"""Days around a holiday that have an effect of their own."""
MIN_DAYS: Final = 120
"""Days of history below which four months have not been seen, and nothing is learnt."""
WINDOW: Final = 57
"""Days around a day that are its ordinary level: eight weeks."""
PENALTIES: Final = np.logspace(-1, 4, 11)
LARGEST: Final = 0.7
"""Largest logarithm of a factor, and of what it is learnt from: a factor of two."""


def calendar_factors(panel: Panel, horizon: int, country: str | None) -> Floats:
    """Return the factor of each period so far and of the next ``horizon``, shape (T + H,).

    Args:
        panel: what was known.
        horizon: H.
        country: ISO code of the country whose holidays count, such as ``DE``; None: no holidays.
    """
    from sklearn.linear_model import RidgeCV

    length = panel.periods
    ones = np.ones(length + horizon)
    if panel.period != "day" or length < MIN_DAYS:
        return ones
    total = pd.Series(panel.units.sum(axis=0))
    level = total.rolling(WINDOW, center=True, min_periods=WINDOW // 2).mean()
    ratio = (total / level).to_numpy()
    weekday = panel.starts.weekday.to_numpy()
    usual = np.array([np.nanmean(ratio[weekday == day]) for day in range(7)])[weekday]
    counted = np.isfinite(ratio) & (ratio > 0) & (usual > 0.1)
    if counted.sum() < MIN_DAYS:
        return ones
    effect = np.clip(np.log(ratio[counted] / usual[counted]), -LARGEST, LARGEST)
    features = _features(pd.DatetimeIndex(panel.starts.append(panel.future(horizon))), country)
    fitted = RidgeCV(alphas=PENALTIES).fit(features[:length][counted], effect)
    effects = np.clip(features @ fitted.coef_, -LARGEST, LARGEST)
    return np.asarray(np.exp(effects - effects[:length].mean()))


def _features(days: pd.DatetimeIndex, country: str | None) -> Floats:
    """Return each day's features, shape (T + H, F)."""
    share = (days.day.to_numpy() - 1) / days.days_in_month.to_numpy()
    waves = [wave(2 * np.pi * (order + 1) * share) for order in range(HARMONICS) for wave in (np.sin, np.cos)]
    return np.column_stack([*waves, *_holidays(days, country)]).astype(np.float64)


def _holidays(days: pd.DatetimeIndex, country: str | None) -> list[Floats]:
    if country is None:
        return []
    import holidays

    years = range(days[0].year - 1, days[-1].year + 2)
    feasts = pd.DatetimeIndex(sorted(holidays.country_holidays(country, years=years)))
    return [(days - pd.Timedelta(days=offset)).isin(feasts).astype(np.float64) for offset in AROUND]
