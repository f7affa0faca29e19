"""Ways to decide what to order: three without a forecast, and the product's own.

Without a forecast: ``fixed_levels`` sets each item's level once, from its mean and spread before the first day, as a
minimum and maximum in a shop system are; ``weeks_of_cover`` keeps so many times what sold of late in the lead time and
review; ``safety_stock`` is the textbook's mean and z standard deviations, both of late. The last two are reckoned anew
at every review, on days on which the item could be bought alone. Each has one dial for all items, and a window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.stock.planted import HISTORY_DAYS, World
from benchmarks.stock.simulate import Decide, Floats, Seen
from models.demand.censored import uncensored
from models.demand.forecast import forecast_demand
from models.demand.panel import HORIZONS, Panel
from models.stock.lead_demand import lead_demand
from models.stock.policy import Costs, days_to_last, orders, policy_of

FIXED, COVER, SAFETY = "fixed_levels", "weeks_of_cover", "safety_stock"
WINDOWS: Final = {FIXED: (91, 182), COVER: (28, 56, 91), SAFETY: (28, 56, 91)}
DIALS: Final = {
    FIXED: np.linspace(0.5, 20.0, 40),
    COVER: np.linspace(1.0, 5.0, 17),
    SAFETY: np.linspace(0.5, 6.0, 16),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A kind, a window and a dial."""

    kind: str
    window: int
    dial: float


def all_rules() -> list[Rule]:
    """Return every rule that is tried, by kind, window and dial."""
    return [
        Rule(kind=kind, window=window, dial=float(dial))
        for kind, windows in WINDOWS.items()
        for window in windows
        for dial in DIALS[kind]
    ]


def by_rules(world: World, rules: Sequence[Rule]) -> Decide:
    """Return what decides by rules without a forecast, side by side."""
    to_last_N = np.array([one.lead_days + one.review_days for one in world.terms])
    lead_deviation_N = np.array([one.lead_days_deviation for one in world.terms])

    def decide(seen: Seen) -> Floats:
        level_RN = np.empty_like(seen.position_RN)
        for row, rule in enumerate(rules):
            end = HISTORY_DAYS if rule.kind == FIXED else seen.day
            there = 1.0 - seen.out_RND[row, :, end - rule.window : end]
            sold = seen.sales_RND[row, :, end - rule.window : end]
            days = np.maximum(there.sum(axis=1), 1.0)
            mean = sold.sum(axis=1) / days
            if rule.kind == COVER:
                level_RN[row] = rule.dial * mean * to_last_N
                continue
            variance = (there * (sold - mean[:, None]) ** 2).sum(axis=1) / days
            spread = np.sqrt(variance * to_last_N + (mean * lead_deviation_N) ** 2)
            level_RN[row] = mean * to_last_N + rule.dial * spread
        return np.maximum(np.ceil(level_RN) - seen.position_RN, 0.0)

    return decide


def by_forecast(world: World, *, seed: int) -> Decide:
    """Return what decides as the product does: forecasts of what is wanted, newsvendor levels, (s, S) orders."""
    days_N = days_to_last(world.terms)
    deviation_N = np.array([one.lead_days_deviation for one in world.terms])
    costs = Costs(unit_cost_N=world.unit_cost_N, margin_N=world.margin_N)

    def decide(seen: Seen) -> Floats:
        panel = uncensored(panel_of(world, seen.sales_RND[0]), seen.out_RND[0])
        forecast = forecast_demand(panel, horizon=HORIZONS["day"], seed=seed)
        demand = lead_demand(forecast, days_N, deviation_N)
        return orders(policy_of(world.terms, demand, costs), world.terms, seen.position_RN[0])[None]

    return decide


def panel_of(world: World, sales_ND: NDArray[np.float64]) -> Panel:
    """Return the sales so far as a panel of days."""
    items, days = sales_ND.shape
    return Panel(
        item_ids=world.item_ids,
        categories=world.categories,
        period="day",
        starts=pd.date_range("2024-01-01", periods=days),
        units=sales_ND,
        begins=np.zeros(items, dtype=np.intp),
        price=np.repeat(world.price_N[:, None], days, axis=1),
        promotion=np.zeros((items, days)),
    )
