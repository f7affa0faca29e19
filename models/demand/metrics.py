"""How wrong forecasts of demand were: WRMSSE, MASE, and how often an interval held.

Sources: S. Makridakis, E. Spiliotis, V. Assimakopoulos, "M5 accuracy competition: results, findings, and conclusions"
(2022) for WRMSSE; R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy" (2006) for MASE.

Shapes: M series, T periods before the forecast, H periods ahead.
"""

import numpy as np

from models.demand.panel import Floats, Numbers


def naive_scales(units_MT: Floats, begins_M: Numbers, *, lag: int, power: int) -> Floats:
    """Return the mean power of each series' differences to ``lag`` periods before, from its first sale on.

    It is ``nan`` where a series is too short for one difference, or never changes: its error has no scale.
    """
    after = np.arange(units_MT.shape[1])[None, lag:] - lag >= begins_M[:, None]
    steps = np.where(after, np.abs(units_MT[:, lag:] - units_MT[:, :-lag]) ** power, 0.0)
    counts = after.sum(axis=1)
    scales = steps.sum(axis=1) / np.maximum(counts, 1)
    return np.where((counts > 0) & (scales > 0), scales, np.nan)


def first_sales(units_MT: Floats) -> Numbers:
    """Return the period of each series' first sale; T where it sold nothing."""
    sold = units_MT > 0
    return np.asarray(np.where(sold.any(axis=1), sold.argmax(axis=1), units_MT.shape[1]), dtype=np.intp)


def rmsse(actual_MH: Floats, forecast_MH: Floats, squared_scales_M: Floats) -> Floats:
    """Return each series' root mean squared scaled error, shape (M,); ``nan`` where it has no scale."""
    return np.asarray(np.sqrt(((actual_MH - forecast_MH) ** 2).mean(axis=1) / squared_scales_M))


def mase(actual_MH: Floats, forecast_MH: Floats, scales_M: Floats) -> Floats:
    """Return each series' mean absolute scaled error, shape (M,); ``nan`` where it has no scale."""
    return np.asarray(np.abs(actual_MH - forecast_MH).mean(axis=1) / scales_M)


def weighted_mean(errors_M: Floats, weights_M: Floats) -> float:
    """Return the mean of the errors that have a scale, by weight; ``nan`` where none has weight."""
    counted = np.isfinite(errors_M) & (weights_M > 0)
    return float(np.average(errors_M[counted], weights=weights_M[counted])) if counted.any() else float("nan")
