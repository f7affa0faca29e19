"""What a rule of ordering makes of a world: units lost, units held in stock, and what both cost.

Orders are placed every review, before the day's sales; what arrives on a day can be sold on it. What cannot be sold is
lost. A rule sees sales, the share of each day on which an item could be bought, and its stock; never demand.

Shapes: R rules side by side, N items, D days.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.stock.planted import HISTORY_DAYS, REVIEW_DAYS, WARM_UP_DAYS, World
from models.stock.policy import DAYS_A_YEAR

MAX_LEAD: Final = 60
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a rule knows on the morning of a review."""

    day: int
    sales_RND: Floats
    """Units sold on the days before it."""
    out_RND: Floats
    """Share of each of them on which an item could not be bought."""
    position_RN: Floats
    """Units in stock or on order."""


Decide = Callable[[Seen], Floats]
"""Returns the units to order, shape (R, N)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of each rule over the days that count, shape (R,) each."""

    fill_rate_R: Floats
    """Share of the units wanted that was sold."""
    lost_margin_R: Floats
    holding_R: Floats

    @property
    def cost_R(self) -> Floats:
        """Lost margin and holding."""
        return self.lost_margin_R + self.holding_R


def simulate(world: World, decide: Decide, *, rules: int) -> Outcome:
    """Have rules order through the warm-up and the days that count."""
    items, days = world.demand_ND.shape
    sales = np.zeros((rules, items, days))
    out = np.zeros((rules, items, days))
    sales[:, :, :HISTORY_DAYS] = world.demand_ND[:, :HISTORY_DAYS]
    to_last = np.array([one.lead_days + one.review_days for one in world.terms])
    recent = world.demand_ND[:, HISTORY_DAYS - 56 : HISTORY_DAYS].mean(axis=1)
    on_hand = np.tile(np.ceil(recent * to_last), (rules, 1))
    coming = np.zeros((rules, items, days + MAX_LEAD))
    stock_days, lost = np.zeros((rules, items)), np.zeros((rules, items))
    row, item = np.arange(rules)[:, None], np.arange(items)[None, :]
    for day in range(HISTORY_DAYS, days):
        on_hand += coming[:, :, day]
        if (day - HISTORY_DAYS) % REVIEW_DAYS == 0:
            position = on_hand + coming[:, :, day + 1 :].sum(axis=2)
            seen = Seen(day=day, sales_RND=sales[:, :, :day], out_RND=out[:, :, :day], position_RN=position)
            coming[row, item, day + world.lead_ND[:, day][None, :]] += decide(seen)
        wanted = world.demand_ND[:, day]
        sold = np.minimum(on_hand, wanted)
        sales[:, :, day] = sold
        # Shoppers come through the day: it ran out when the last unit went.
        out[:, :, day] = np.where(wanted > sold, 1.0 - sold / np.maximum(wanted, 1.0), (on_hand <= 0) * 1.0)
        on_hand = on_hand - sold
        if day >= HISTORY_DAYS + WARM_UP_DAYS:
            lost += wanted - sold
            stock_days += on_hand
    counted = world.demand_ND[:, HISTORY_DAYS + WARM_UP_DAYS :].sum()
    share = np.array([one.holding_share for one in world.terms])
    return Outcome(
        fill_rate_R=1.0 - lost.sum(axis=1) / counted,
        lost_margin_R=lost @ world.margin_N,
        holding_R=stock_days @ (world.unit_cost_N * share / DAYS_A_YEAR),
    )
