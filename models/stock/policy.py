"""When to order and how much: the newsvendor's question, asked at every review.

At a review whatever is at its reorder point or below is filled up to its order-up-to level: (s, S). The level has to
last until the next order but one arrives; how sure that has to be follows from what it costs to be wrong. A unit too
few costs a lost sale, a unit too many costs its holding for one cycle, from one order of the item to the next::

    service level = lost sale / (lost sale + holding a unit for a cycle)

A cycle is a review, or as long as an order lasts where packs, minimum orders or the cost of ordering make orders large
(the economic order quantity).

Source: E. A. Silver, D. F. Pyke, D. J. Thomas, "Inventory and Production Management in Supply Chains" (2017), ch. 4-7.

Shapes: N items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.demand.panel import Floats
from models.stock.book import Terms
from models.stock.lead_demand import LeadDemand

DAYS_A_YEAR: Final = 365.0
MIN_LEVEL, MAX_LEVEL = 0.5, 0.999
"""Between these the costs choose; beyond, a quantile is a guess."""
WORTH_IT: Final = 1.0 / 3.0
"""Service level by the costs below which none is ordered: holding a lot until it is sold costs more than it earns."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a unit brings and costs, by item, shape (N,) each."""

    unit_cost_N: Floats
    margin_N: Floats
    """What a sale earns beside the unit's cost."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rule of each item, shape (N,) each."""

    service_level_N: Floats
    """Chance that the order-up-to level lasts until the next order but one arrives."""
    reorder_point_N: Floats
    """Order at so many units or fewer, what is on order counted in; below 0: never."""
    order_up_to_N: Floats


def days_to_last(terms: Sequence[Terms]) -> NDArray[np.intp]:
    """Return the days until the next order but one can arrive: lead time and review, at least one, shape (N,)."""
    return np.array([max(round(one.lead_days + one.review_days), 1) for one in terms], dtype=np.intp)


def policy_of(terms: Sequence[Terms], demand: LeadDemand, costs: Costs) -> Policy:
    """Return each item's reorder point and order-up-to level.

    Args:
        terms: of each item.
        demand: over :func:`days_to_last`.
        costs: of each item.
    """
    daily_N = np.maximum(demand.mean_N / demand.days_N, 1e-9)
    review_N = np.array([one.review_days for one in terms], dtype=np.float64)
    hold_a_day_N = _column(terms, "holding_share") * np.maximum(costs.unit_cost_N, 1e-9) / DAYS_A_YEAR
    economic_N = np.sqrt(2.0 * _column(terms, "order_cost") * daily_N / hold_a_day_N)
    lot_N = np.maximum.reduce([economic_N, _column(terms, "pack_size"), _column(terms, "min_order")])
    cycle_N = np.maximum(review_N, lot_N / daily_N)
    lost_N = _column(terms, "lost_sale_factor") * costs.margin_N
    by_costs_N = lost_N / np.maximum(lost_N + hold_a_day_N * cycle_N, 1e-12)
    asked_N = np.array([np.nan if one.service_level is None else one.service_level for one in terms])
    level_N = np.where(np.isfinite(asked_N), asked_N, np.clip(by_costs_N, MIN_LEVEL, MAX_LEVEL))
    enough_N = demand.quantiles(level_N)
    enough_N = np.where(np.isnan(asked_N) & (by_costs_N < WORTH_IT), 0.0, enough_N)
    grain = demand.spread.grain
    return Policy(
        service_level_N=level_N,
        reorder_point_N=enough_N - grain,
        order_up_to_N=enough_N + np.where(enough_N > 0, np.maximum(np.ceil(lot_N / grain) * grain - grain, 0.0), 0.0),
    )


def orders(policy: Policy, terms: Sequence[Terms], position_N: Floats) -> Floats:
    """Return how much of each item to order now, in whole packs, shape (N,); 0 above the reorder point.

    Args:
        policy: the rules.
        terms: of each item.
        position_N: units that are there or on order; ``nan``: not counted, and so is the order.
    """
    pack_N = _column(terms, "pack_size")
    wanted_N = np.maximum(policy.order_up_to_N - position_N, _column(terms, "min_order"))
    packs_N = np.ceil(wanted_N / pack_N - 1e-9) * pack_N
    due_N = position_N <= policy.reorder_point_N
    return np.where(np.isnan(position_N), np.nan, np.where(due_N, packs_N, 0.0))


def _column(terms: Sequence[Terms], name: str) -> Floats:
    return np.array([getattr(one, name) for one in terms], dtype=np.float64)
