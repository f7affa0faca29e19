"""How long a forecast of many items takes, and how much memory: drawn sales of a year of days."""

import resource
import time
from typing import Any, Final

import numpy as np
import pandas as pd

from models.demand.forecast import forecast_demand
from models.demand.panel import HORIZONS, Panel

DAYS: Final = 365
DEPARTMENTS, CATEGORIES = 6, 40


def measure_speed(items: int, *, seed: int, threads: int) -> dict[str, Any]:
    """Return the seconds and the memory of one forecast, eight weeks ahead, of so many items that sell by a Poisson."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(-1.5, 1.2, items))
    panel = Panel(
        item_ids=np.array([f"i{number:07d}" for number in range(items)]),
        categories=np.array([f"D{number % DEPARTMENTS} > C{number % CATEGORIES}" for number in range(items)]),
        period="day",
        starts=pd.date_range("2025-01-01", periods=DAYS),
        units=rng.poisson(rate[:, None], (items, DAYS)).astype(np.float64),
        begins=np.zeros(items, dtype=np.intp),
        price=np.full((items, DAYS), 9.0),
        promotion=np.zeros((items, DAYS)),
    )
    began, cpu = time.perf_counter(), time.process_time()
    forecast_demand(panel, horizon=HORIZONS["day"], seed=seed, threads=threads)
    return {
        "items": items,
        "days": DAYS,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
