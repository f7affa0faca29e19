"""The items that a query found, counted by category, brand, price and further attributes; and filtered by these."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from models.catalogue import Mask
from models.search.attributes import Attributes
from models.search.documents import Ints
from models.search.predict import SearchEngine
from serving.search.schemas import AttributeFilter, Facets, FacetValue, PriceRange

MAX_VALUES = 12
PRICE_RANGES = 4
MAX_ATTRIBUTES = 4


def facets_of(engine: SearchEngine, places: Ints) -> Facets:
    """Return how many of some items have each value."""
    catalogue = engine.catalogue
    return {
        "category": _counted(catalogue.categories[place] for place in places),
        "brand": _counted(catalogue.brands[place] for place in places),
        "price": _ranges(catalogue.prices[places]),
        "attributes": _attributes([engine.attributes[place] for place in places]),
    }


def attributes_mask(engine: SearchEngine, wanted: Mapping[str, AttributeFilter]) -> Mask:
    """Return which items have one of the values of each attribute that is named, shape (N,)."""
    mask = np.ones(len(engine.attributes), dtype=np.bool_)
    for name, one in wanted.items():
        mask &= engine.attribute_reader.any_of(name, one.any_of, len(mask))
    return mask


def _attributes(of_items: Sequence[Attributes]) -> dict[str, list[FacetValue]]:
    """Return the attributes that most of the items have; one whose values tell no items apart is no choice."""
    names = Counter(name for attributes in of_items for name in attributes)
    counted = {name: _counted(value for one in of_items for value in one.get(name, ())) for name in sorted(names)}
    choices = {name: values for name, values in counted.items() if len(values) > 1 and values[0]["count"] > 1}
    return dict(sorted(choices.items(), key=lambda pair: -names[pair[0]])[:MAX_ATTRIBUTES])


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
