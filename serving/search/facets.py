"""The items that a query found, counted by category, brand and price."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from models.catalogue import Catalogue
from models.search.documents import Ints
from serving.search.schemas import Facets, FacetValue, PriceRange

MAX_VALUES = 12
PRICE_RANGES = 4


def facets_of(catalogue: Catalogue, places: Ints) -> Facets:
    """Return how many of some items have each value."""
    return {
        "category": _counted(catalogue.categories[place] for place in places),
        "brand": _counted(catalogue.brands[place] for place in places),
        "price": _ranges(catalogue.prices[places]),
    }


def _counted(values: Iterable[str | None]) -> list[FacetValue]:
    counts = Counter(value for value in values if value)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"value": value, "count": count} for value, count in ordered[:MAX_VALUES]]


def _ranges(prices: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> list[PriceRange]:
    """Return ranges with about as many items in each; an item without a price is in none."""
    priced = np.sort(prices[~np.isnan(prices)])
    parts = np.array_split(priced, min(PRICE_RANGES, len(priced))) if len(priced) else []
    ranges: list[PriceRange] = []
    for part in parts:
        low, high = float(part[0]), float(part[-1])
        if ranges and low <= ranges[-1]["lte"]:  # items of one price stay in one range
            same = int((part == ranges[-1]["lte"]).sum())
            ranges[-1]["count"] += same
            part = part[same:]
            if not len(part):
                continue
            low = float(part[0])
        ranges.append({"gte": low, "lte": high, "count": len(part)})
    return ranges
