"""Forecasts as a table for people who plan: the mart ``item_forecasts``."""

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from models.demand.forecast import DemandForecast, earlier_origins, forecast_demand
from models.demand.panel import HORIZONS, Panel, build_panel
from shopsight.errors import ShopsightError

QUANTILES: Final = {"units_p10": 0.1, "units_p50": 0.5, "units_p90": 0.9}
SCHEMA: Final = pa.schema(
    [
        ("level", pa.string()),
        ("name", pa.string()),
        ("event_date", pa.date32()),
        ("expected_units", pa.float64()),
        *((name, pa.float64()) for name in QUANTILES),
        ("demand_class", pa.string()),
        ("not_forecast_because", pa.string()),
    ]
)


def shop_panel(days: pd.DataFrame) -> Panel:
    """Return the panel of a shop's days, less the newest one, which may not be over.

    Args:
        days: ``item_id, date, units, price, category``, a row per item and day with events.

    Raises:
        ShopsightError: there are fewer than 8 days beside the newest.
    """
    newest = days["date"].max()
    return build_panel(days[days["date"] < newest], period="day")


def forecast_shop(panel: Panel, *, seed: int, threads: int) -> DemandForecast:
    """Forecast eight weeks ahead, or as many as the history has twice: an interval stands on an earlier forecast.

    Raises:
        ShopsightError: the history is too short to have forecast a week of it.
    """
    horizon = HORIZONS[panel.period]
    while horizon >= panel.season and not earlier_origins(panel, horizon):
        horizon //= 2
    if horizon < panel.season:
        raise ShopsightError(
            f"{panel.periods} {panel.period}s of sales are too few to forecast",
            why=f"a forecast of a {panel.period} needs {4 * panel.season} before it, and as many to be judged by",
            fix="import a longer history",
        )
    return forecast_demand(panel, horizon=horizon, seed=seed, threads=threads)


def forecast_table(forecast: DemandForecast) -> pa.Table:
    """Return a row per series and period ahead; quantiles are null where nothing earlier says how sure they are."""
    series, horizon = forecast.mean_MH.shape
    aggregates = forecast.hierarchy.aggregates
    reasons = np.concatenate([np.full(aggregates, ""), forecast.reasons_N])
    sure_M = (reasons == "") & (forecast.spread is not None)
    columns = {
        "level": np.repeat(forecast.hierarchy.levels, horizon),
        "name": np.repeat(forecast.hierarchy.names, horizon),
        "event_date": pa.array(np.tile(forecast.starts.to_numpy().astype("datetime64[D]"), series)),
        "expected_units": forecast.mean_MH.ravel(),
    }
    values = (
        np.full((len(QUANTILES), series, horizon), np.nan)
        if forecast.spread is None
        else forecast.spread.quantiles(forecast.mean_MH, tuple(QUANTILES.values()))
    )
    for name, value in zip(QUANTILES, values, strict=True):
        columns[name] = pa.array(np.where(sure_M[:, None], value, np.nan).ravel(), from_pandas=True)
    classes = np.concatenate([np.full(aggregates, ""), forecast.classes_N])
    for name, words in (("demand_class", classes), ("not_forecast_because", reasons)):
        texts = pa.array(words).dictionary_encode().cast(pa.string())
        columns[name] = pa.array(np.repeat(np.where(words == "", None, texts.to_numpy(zero_copy_only=False)), horizon))
    return pa.table(columns, schema=SCHEMA)
