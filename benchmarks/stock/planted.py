"""A shop whose demand is known: the sample shop's items, suppliers and prices, with two years of days planted on them.

Demand has a level by the shop's own Zipf, a season of the year by shelf, a week, a level that wanders, and chance. Lead
times are those of the sample shop's suppliers, drawn for each item and day, so that every rule waits as long.

Shapes: N items, D days.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.stock.book import Terms, terms_from
from shopsight.sample_shop import generate
from shopsight.sample_shop.shelves import LEAVES
from shopsight.sample_shop.stock import SUPPLIERS, supplier_of

HISTORY_DAYS: Final = 546
WARM_UP_DAYS: Final = 28
"""Days in which a rule's stock becomes its own; they are not counted."""
COUNTED_DAYS: Final = 112
UNITS_A_WEEK: Final = 12.0
"""Mean sales of an item; by the shop's Zipf, most items sell less."""
REVIEW_DAYS: Final = 14
"""Orders are placed every other week; a forecast is made for each."""
DEPARTMENTS: Final = ("Fashion", "Kitchen", "Sports")
"""What is ordered for: forecasts take as long as there are aggregates."""
COST_SHARE: Final = 0.6
"""What an item costs, as a share of its price."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class World:
    """What happens, whatever is ordered."""

    item_ids: NDArray[np.str_]
    categories: NDArray[np.str_]
    demand_ND: Floats
    """Units wanted, of the history, the warm-up and the days that count."""
    lead_ND: NDArray[np.int64]
    """Days until an order of that day arrives."""
    price_N: Floats
    terms: list[Terms]

    @property
    def unit_cost_N(self) -> Floats:
        """What a unit costs."""
        return self.price_N * COST_SHARE

    @property
    def margin_N(self) -> Floats:
        """What a sale earns."""
        return self.price_N - self.unit_cost_N


def planted_world(items: int, *, seed: int) -> World:
    """Return a world of so many of the small sample shop's items, spread over its shelves."""
    shop = generate("small", seed=7)
    rng = np.random.default_rng([seed, 11])
    days = HISTORY_DAYS + WARM_UP_DAYS + COUNTED_DAYS
    catalogue = shop.catalogue
    offered = np.flatnonzero([LEAVES[leaf].department in DEPARTMENTS for leaf in catalogue.leaf_I])
    chosen = rng.permutation(offered)[:items]
    order = np.argsort(np.array(catalogue.item_ids)[chosen])
    chosen = chosen[order]
    weight = catalogue.weight_I[chosen]
    shelf = catalogue.leaf_I[chosen].astype(np.int64)
    day = np.arange(days)
    level = np.clip(UNITS_A_WEEK / 7 * weight / weight.mean(), 0.01, 30.0)
    phase = rng.random(shelf.max() + 1)[shelf] + rng.normal(0, 0.05, items)
    season = 0.4 * np.sin(2 * np.pi * (day / 365 + phase[:, None]))
    week = np.log(np.array([0.9, 0.85, 0.85, 0.95, 1.1, 1.25, 1.1]))[day % 7]
    # A level that wanders by 5% a week.
    wander = np.repeat(rng.normal(0, 0.05, (items, -(-days // 7))).cumsum(axis=1), 7, axis=1)[:, :days]
    mean_ND = level[:, None] * np.exp(season + week + wander)
    # Sales come in parcels of their own size: some days' demand is more uneven than a Poisson's.
    uneven = rng.choice([0.05, 0.5], items)[:, None]
    demand = rng.poisson(mean_ND * rng.gamma(1 / uneven, uneven, mean_ND.shape)).astype(np.float64)
    supplier = supplier_of(catalogue)[chosen]
    means, deviations = (np.array([terms[k] for terms in SUPPLIERS.values()], dtype=float)[supplier] for k in (0, 1))
    lead = np.clip(np.round(rng.normal(means[:, None], deviations[:, None], (items, days))), 1, 50).astype(np.int64)
    return World(
        item_ids=np.array(catalogue.item_ids)[chosen],
        # By department alone: forecasts are made anew every week, and each aggregate takes its time.
        categories=np.array([LEAVES[one].department for one in shelf]),
        demand_ND=demand,
        lead_ND=lead,
        price_N=catalogue.price_I[chosen],
        terms=[
            terms_from({"lead_days": mean, "lead_days_deviation": deviation, "review_days": REVIEW_DAYS})
            for mean, deviation in zip(means.tolist(), deviations.tolist(), strict=True)
        ],
    )
