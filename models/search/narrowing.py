"""Which items meet what a query says beside its words, and what gives way where none does.

Shapes: N items, C candidates.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np

from models.catalogue import Catalogue
from models.search.attribute_wishes import AttributeReader, Mask, NamedAttributes
from models.search.documents import Field, Ints
from models.search.wishes import Wishes
from models.search.words import words

GIVE_WAY: Final = ("attributes", "brand", "price")
"""What is given up where nothing meets it, in this order; one before two."""


def narrowed(
    wishes: Wishes,
    named: NamedAttributes,
    *,
    catalogue: Catalogue,
    of_brand: Mapping[str, Ints],
    reader: AttributeReader,
) -> Iterator[tuple[Mask, tuple[str, ...]]]:
    """Yield which items meet what a query wishes, shape (N,), and what was given up: at first nothing."""
    masks = _masks(wishes, named, catalogue, of_brand, reader)
    for count in range(len(masks) + 1):
        for given_up in combinations([name for name in GIVE_WAY if name in masks], count):
            wanted = np.ones(len(catalogue), dtype=np.bool_)
            for name, mask in masks.items():
                if name not in given_up:
                    wanted &= mask
            yield wanted, given_up


def leading(
    places: Ints, met: Mask, rests: Sequence[str], *, everything: Field, categories: Sequence[str | None]
) -> Mask:
    """Return which of some candidates have the named attributes and meet the rest of the query, shape (C,).

    An item meets the rest that has all its words; where none of them does, one of the best candidate's category.

    Args:
        places: of the candidates, best first.
        met: which of them have the attributes, shape (C,).
        rests: wordings of the query without the attributes.
        everything: all that each item says.
        categories: of all items.
    """
    fits = np.zeros(len(places), dtype=np.bool_)
    for rest in rests:
        asked = list(dict.fromkeys(words(rest)))
        fits |= (everything.counts(asked, places) > 0).all(axis=0)
    if not fits.any() and len(places) and (best := categories[places[0]]) is not None:
        fits = np.array([categories[place] == best for place in places], dtype=np.bool_)
    return fits & met


def _masks(
    wishes: Wishes, named: NamedAttributes, catalogue: Catalogue, of_brand: Mapping[str, Ints], reader: AttributeReader
) -> dict[str, Mask]:
    masks: dict[str, Mask] = {}
    if named.unwanted:
        masks["attributes"] = ~reader.has_any(named.unwanted, len(catalogue))
    if wishes.brands:
        masks["brand"] = np.zeros(len(catalogue), dtype=np.bool_)
        for brand in wishes.brands:
            masks["brand"][of_brand[brand]] = True
    if wishes.lowest is not None or wishes.highest is not None:
        low = -np.inf if wishes.lowest is None else wishes.lowest
        high = np.inf if wishes.highest is None else wishes.highest
        masks["price"] = (catalogue.prices >= low) & (catalogue.prices <= high)
    return masks
