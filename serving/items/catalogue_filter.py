"""Turns a request's filter into a mask over the catalogue; items in order of the catalogue."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue
from serving.items.schemas import ItemFilter

SEPARATOR = " > "


class CatalogueFilter:
    """Answers filters quickly: names are compared once per distinct name, not once per item."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._prices = np.asarray(catalogue.prices, dtype=np.float64)
        self._available = np.asarray(catalogue.available, dtype=bool)
        self._listed = np.asarray(catalogue.listed, dtype=bool)
        self._categories, self._category_codes = _encoded(_Names(catalogue.categories))
        self._brands, self._brand_codes = _encoded(_Names(catalogue.brands))

    def mask(self, item_filter: ItemFilter | None) -> NDArray[np.bool_] | None:
        """Return which items pass, shape ``(items,)``, or None where nothing is filtered.

        A category passes with all below it (``shoes`` keeps ``shoes > running``); case does not count. An item
        without a price passes no price filter. What is out of stock passes with ``in_stock: false`` alone, what was
        deleted not even then; without any filter the recommender keeps to what is in stock by itself.
        """
        if item_filter is None:
            return None
        mask = (self._listed if item_filter.in_stock is False else self._available).copy()
        if item_filter.category is not None:
            wanted = [name.casefold() for name in item_filter.category.any_of]
            passes = [any(_is_within(name, branch) for branch in wanted) for name in self._categories]
            mask &= np.array(passes, dtype=bool)[self._category_codes]
        if item_filter.brand is not None:
            brands = {name.casefold() for name in item_filter.brand.any_of}
            mask &= np.array([name in brands for name in self._brands], dtype=bool)[self._brand_codes]
        if item_filter.price is not None:
            lowest = -np.inf if item_filter.price.gte is None else item_filter.price.gte
            highest = np.inf if item_filter.price.lte is None else item_filter.price.lte
            mask &= (self._prices >= lowest) & (self._prices <= highest)
        return mask


def _is_within(category: str, branch: str) -> bool:
    return category == branch or category.startswith(branch + SEPARATOR)


class _Names:
    """A column of names; two are equal where they are the same object, as where nothing but prices has changed."""

    def __init__(self, names: Sequence[str | None]) -> None:
        self.names = names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Names) and self.names is other.names

    def __hash__(self) -> int:
        return id(self.names)


@lru_cache(maxsize=4)
def _encoded(column: _Names) -> tuple[list[str], NDArray[np.intp]]:
    """Return distinct names, case folded (none is ``""``), and each item's place among them."""
    places: dict[str, int] = {}
    codes = [places.setdefault((name or "").casefold(), len(places)) for name in column.names]
    return list(places) or [""], np.array(codes, dtype=np.intp)
