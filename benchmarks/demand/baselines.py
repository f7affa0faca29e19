"""What every shop could forecast with, item by item: seasonal naive, exponential smoothing and Croston."""

import warnings
from collections.abc import Mapping
from multiprocessing import get_context
from typing import Final

import numpy as np

from models.demand.panel import Floats, Panel

ETS: Final = "ets"
NAMES: Final = ("seasonal_naive", "ses", ETS, "croston")
MAX_SEASON: Final = 24
"""Longest season that exponential smoothing can have; a year of weeks is left to seasonal naive."""


def forecast_baselines(panel: Panel, *, horizon: int, processes: int) -> Mapping[str, Floats]:
    """Return each baseline's forecasts of every item, shape (N, H), none below 0.

    A series is that of the item since it began. One that a method cannot be fitted to (it is too short, or never
    changes) has its mean.
    """
    series = [panel.units[row, min(begin, panel.periods - 1) :] for row, begin in enumerate(panel.begins)]
    tasks = [(one, panel.season, horizon) for one in series]
    if processes == 1:
        rows = [_forecast_one(task) for task in tasks]
    else:
        with get_context("spawn").Pool(processes) as pool:
            rows = pool.map(_forecast_one, tasks, chunksize=16)
    return dict(zip(NAMES, np.maximum(np.stack(rows, axis=1), 0.0), strict=True))


def _forecast_one(task: tuple[Floats, int, int]) -> Floats:
    """Return the forecasts of one series by each baseline, shape (baselines, H)."""
    from statsforecast.models import AutoETS, CrostonClassic

    series, season, horizon = task
    place = len(series) - season + np.arange(horizon) % season
    naive = series[place] if len(series) >= season else np.full(horizon, series[-1])
    smooth_season = season if len(series) >= 2 * season and season <= MAX_SEASON else 1
    models = (
        AutoETS(season_length=1, model="ANN"),
        AutoETS(season_length=smooth_season),
        CrostonClassic(),
    )
    rows = [naive]
    for model in models:
        rows.append(np.full(horizon, series.mean()))
        # Neither a constant nor a handful of periods has parameters to fit.
        if len(series) >= 4 and np.ptp(series) > 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ahead = np.asarray(model.forecast(y=series, h=horizon)["mean"], dtype=np.float64)
            rows[-1] = ahead if np.isfinite(ahead).all() else rows[-1]
    return np.stack(rows)
