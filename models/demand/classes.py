"""Kinds of demand, and what cannot be forecast by itself.

Source: A. A. Syntetos, J. E. Boylan, J. D. Croston, "On the categorization of demand patterns" (2005), whose limits
these are.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.demand.panel import Floats, Panel

MAX_SMOOTH_GAP: Final = 1.32
"""Mean periods between sales up to which demand is smooth or erratic, not intermittent or lumpy."""
MAX_EVEN_SIZE: Final = 0.49
"""Squared coefficient of variation of what is sold at once up to which demand is smooth or intermittent."""
MIN_AGE: Final = {"day": 28, "week": 8, "month": 6}
"""Periods on sale below which an item is too young: four weeks, eight weeks or half a year."""
MIN_SALES: Final = 3
"""Periods with sales below which an item is too rare."""

CLASSES: Final = ("smooth", "erratic", "intermittent", "lumpy")
TOO_YOUNG, TOO_RARE, ENDED = "too young", "too rare", "no longer sold"
MAX_SILENCE: Final = {"day": 182, "week": 26, "month": 12}
"""Periods without a sale after which an item counts as no longer sold."""


def demand_classes(panel: Panel) -> NDArray[np.str_]:
    """Return the class of each item, shape (N,); one that never sold is lumpy."""
    sold = panel.units > 0
    sales = sold.sum(axis=1)
    age = np.maximum(panel.periods - panel.begins, 1)
    gap = age / np.maximum(sales, 1)
    mean: Floats = panel.units.sum(axis=1) / np.maximum(sales, 1)
    variance = np.maximum((panel.units**2).sum(axis=1) / np.maximum(sales, 1) - mean**2, 0.0)
    uneven = variance / np.maximum(mean**2, 1e-12) > MAX_EVEN_SIZE
    rare = gap > MAX_SMOOTH_GAP
    return np.where(sales == 0, "lumpy", np.array(CLASSES)[2 * rare + uneven])


def not_forecast(panel: Panel) -> NDArray[np.str_]:
    """Return why each item cannot be forecast by itself, shape (N,); '' where it can."""
    sold = panel.units > 0
    silence = np.where(sold.any(axis=1), sold[:, ::-1].argmax(axis=1), panel.periods)
    age = panel.periods - panel.begins
    reasons = np.where(sold.sum(axis=1) < MIN_SALES, TOO_RARE, "")
    reasons = np.where((silence > MAX_SILENCE[panel.period]) & (age > silence), ENDED, reasons)
    return np.where(age < MIN_AGE[panel.period], TOO_YOUNG, reasons)
