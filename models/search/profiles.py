"""What a shopper did lately, as far as it says which of several matching items they mean.

Shapes: N items, C candidates.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.catalogue import Catalogue
from models.search.documents import Floats, Ints

FEATURES: Final = ("own_category", "own_brand", "own_price", "own_item")
"""The columns of :func:`personal`: the share of what the shopper touched that is of the candidate's category, of its
brand; how far its price lies from what they look at there, in logarithms; whether they touched the item itself. All are
not a number where nobody is known."""
LOOKED_BACK: Final = 50
"""Interactions that are read."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A shopper's last interactions."""

    item_ids: Sequence[str]


def personal(profile: Profile | None, candidates: Ints, catalogue: Catalogue) -> Floats:
    """Return what a shopper's past says of each candidate, shape (C, 4); the columns are :data:`FEATURES`."""
    columns = np.full((len(candidates), len(FEATURES)), np.nan)
    places = [] if profile is None else [catalogue.index_of(item_id) for item_id in profile.item_ids[-LOOKED_BACK:]]
    touched = [place for place in places if place is not None]
    if not touched:
        return columns
    categories = Counter(catalogue.categories[place] for place in touched)
    brands = Counter(catalogue.brands[place] for place in touched)
    log_prices = {name: _mean_log_price(catalogue, touched, name) for name in categories}
    anywhere = set(touched)
    for row, place in enumerate(candidates.tolist()):
        category, brand, price = catalogue.categories[place], catalogue.brands[place], catalogue.prices[place]
        columns[row, 0] = categories[category] / len(touched) if category else np.nan
        columns[row, 1] = brands[brand] / len(touched) if brand else np.nan
        usual = log_prices.get(category)
        if usual is not None and price > 0:
            columns[row, 2] = np.log(price) - usual
        columns[row, 3] = float(place in anywhere)
    return columns


def _mean_log_price(catalogue: Catalogue, touched: Sequence[int], category: str | None) -> float | None:
    prices = [catalogue.prices[place] for place in touched if catalogue.categories[place] == category]
    priced = [float(np.log(price)) for price in prices if price > 0]
    return sum(priced) / len(priced) if priced else None
