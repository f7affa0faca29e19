"""Sales whose elasticities are known: the sample shop's items and prices, with a year of weeks planted on them.

The sample shop's own prices change once, for a quarter of the items: too little to learn from. Here they move as a
shop's do, and
for reasons that mislead whoever only looks at sales beside prices: they fall in the season in which the item sells
most, and in promotions
that sell by themselves; a shelf's items fall together.
"""

from typing import Final

import numpy as np
import pandas as pd

from shopsight.sample_shop import generate
from shopsight.settings import Settings

WEEKS: Final = 104
UNITS_A_WEEK: Final = 20.0
"""Mean sales of an item and week; by the shop's Zipf, most items sell less."""


def planted_sales(settings: Settings, *, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return ``item_id, date, units, price, promotion, category, sold_out`` and each item's planted elasticity."""
    shop = generate(settings.sample_size, seed=settings.seed)
    items = shop.truth.items.to_pandas()
    rng = np.random.default_rng([seed, 7])
    count = len(items)
    shelf = np.searchsorted(shop.catalogue.leaf_start_L, np.arange(count), side="right")
    elasticity = np.minimum(rng.normal(-2.0, 0.6, count), -0.3)
    weight = items["weight"].to_numpy(dtype=np.float64)
    level = np.clip(UNITS_A_WEEK * weight / weight.mean(), 0.05, 200.0)
    weeks = np.arange(WEEKS)
    phase = rng.random(shelf.max() + 1)[shelf] + rng.normal(0, 0.05, count)
    season = 0.4 * np.sin(2 * np.pi * (weeks / 52 + phase[:, None]))
    promotion = rng.random((count, WEEKS)) < 0.1
    # List prices stay for weeks at a time; they follow the season, promotions and the shelf.
    steps = np.repeat(rng.normal(0, 0.15, (count, WEEKS // 4)), 4, axis=1)
    moves = steps - 0.15 * season / 0.4 - 0.15 * promotion
    effect = elasticity[:, None] * moves + season + 0.5 * promotion
    units = rng.poisson(level[:, None] * np.exp(effect))
    sold_out = rng.random((count, WEEKS)) < 0.03
    units[sold_out] = rng.binomial(units[sold_out], 0.3)
    price = items["price"].to_numpy(dtype=np.float64)[:, None] * np.exp(moves)
    dates = pd.date_range("2024-01-01", periods=WEEKS, freq="7D")
    table = pd.DataFrame(
        {
            "item_id": np.repeat(items["item_id"].to_numpy(dtype=str), WEEKS),
            "date": np.tile(dates, count),
            "units": units.ravel().astype(float),
            "price": price.ravel(),
            "promotion": promotion.ravel().astype(float),
            "category": np.repeat(shelf.astype(str), WEEKS),
            "sold_out": sold_out.ravel(),
        }
    )
    return table, pd.Series(elasticity, index=items["item_id"].to_numpy(dtype=str))
