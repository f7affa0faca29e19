"""How an item of the sample shop is named and described."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop import vocabulary as words
from shopsight.sample_shop.shelves import LEAVES, Leaf


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The texts of one item."""

    title: str
    description: str
    brand: str
    model: str
    """Brand and series, as people name the item: ``Veloria Aero 3``."""
    look: str
    """Colour, or pack size where colour makes no sense."""
    attributes: str
    """A JSON object."""


def describe(leaf: int, rank: int, draws: NDArray[np.int64]) -> Wording:
    """Word the item of a rank on its shelf; ``draws`` (4,) picks kind, colour, material and traits."""
    shelf = LEAVES[leaf]
    brands = words.BRANDS[shelf.department]
    # Brand, series and number are the digits of the rank, so that no two items of a shelf share a name.
    rest = rank // len(brands)
    series = words.SERIES[(rest + 3 * leaf) % len(words.SERIES)]
    number = 1 + 9 * (rest // len(words.SERIES)) + (7 * rank + leaf) % 9
    makes = shelf.packs or shelf.materials
    return _word(
        shelf,
        brands[(rank + leaf) % len(brands)],
        f"{series} {number}",
        shelf.kinds[draws[0] % len(shelf.kinds)],
        words.COLOURS[draws[1] % len(words.COLOURS)],
        makes[draws[2] % len(makes)],
        int(draws[3]),
    )


def signature_wording(signature: words.Signature, leaf: int) -> Wording:
    """Word a hand-written item."""
    item = signature
    return _word(LEAVES[leaf], item.brand, item.series, item.kind, item.colour, item.material, 0)


def _word(shelf: Leaf, brand: str, series: str, kind: str, colour: str, make: str, draw: int) -> Wording:
    first = draw % len(shelf.traits)
    second = (first + 1 + draw // 7 % (len(shelf.traits) - 1)) % len(shelf.traits)
    traits = f"{shelf.traits[first]}, {shelf.traits[second]}"
    if shelf.packs:
        looks, made, attributes = make, f"Comes in {make}.", {"kind": kind, "pack": make}
    else:
        looks, made = f"{colour}, {make}", f"Made of {make.lower()}, in {colour.lower()}."
        attributes = {"kind": kind, "colour": colour, "material": make}
    return Wording(
        title=f"{brand} {series} {kind} {shelf.noun}, {looks}",
        description=f"{kind} {shelf.noun.lower()} by {brand}: {traits}. {made}",
        brand=brand,
        model=f"{brand} {series}",
        look=make if shelf.packs else colour,
        attributes=json.dumps(attributes),
    )
