"""Queries to the sample shop whose right order of items is planted: what each asks for, and how far each item meets it.

A query asks for a shelf by its noun, or by another word that people use for it, and perhaps for a colour, a brand or a
price. An item of another shelf is worth nothing; one of the shelf is worth more the more of the rest it has, times how
appealing it is: a fact of the item that no text tells, and visits and clicks do.

Shapes: N items.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.sample_shop.shelves import LEAVES, Leaf
from shopsight.sample_shop.vocabulary import COLOURS_ZH

OTHER_WORDS: Final = {
    "Running Shoes": ("jogging shoes", "sneakers for running"),
    "Smartphone": ("mobile phone", "cell phone"),
    "Laptop": ("notebook computer", "portable computer"),
    "Headphones": ("earphones", "headset"),
    "Espresso Machine": ("coffee maker", "coffee machine"),
    "Coffee Mug": ("coffee cup", "drinking cup"),
    "Moisturiser": ("face cream", "skin cream"),
    "Sunscreen": ("sun cream", "sun protection"),
    "Headlamp": ("head torch", "light for the head"),
    "Jacket": ("coat", "outdoor coat"),
    "Jeans": ("denim trousers", "denim pants"),
    "Dog Lead": ("dog leash", "leash for a dog"),
    "Plant Pot": ("flower pot", "planter"),
    "Building Set": ("construction toy", "building blocks"),
    "Puzzle": ("jigsaw", "jigsaw puzzle"),
}
"""What else people say for a shelf's noun; no text of the shop has it."""
OTHER_WORD_SHARE: Final = 0.25
MISSPELT_SHARE: Final = 0.15
"""Share of the English queries with a mistake in the noun."""
MIN_APPEAL: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class PlantedQuery:
    """What a shopper asks for, in two languages."""

    english: str
    chinese: str
    leaf: str
    """The shelf, by its name."""
    colour: str | None
    brand: str | None
    highest_price: float | None


def planted_queries(items: pa.Table, *, count: int, seed: int) -> list[PlantedQuery]:
    """Return queries that items of the shop meet, drawn by the seed; none twice.

    Args:
        items: the shop's, with title, category, brand, price and attributes.
        count: at most so many.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    rows = items.select(["category", "brand", "price", "attributes"]).to_pylist()
    leaves = {f"{leaf.department} > {leaf.name}": leaf for leaf in LEAVES}
    queries: dict[str, PlantedQuery] = {}
    for _ in range(20 * count):
        if len(queries) == count:
            break
        row = rows[int(rng.integers(len(rows)))]
        query = _drawn(leaves[row["category"]], row, rng)
        queries.setdefault(query.english, query)
    return list(queries.values())


def appeal_of(items: pa.Table, weights: Mapping[str, float], *, seed: int) -> NDArray[np.float64]:
    """Return how appealing each item is, shape (N,), from 0.2 to 1: half of it is how popular it is on its shelf.

    The other half is of searches alone: nothing that is written of the item, and no visit before, tells it.

    Args:
        items: the shop's.
        weights: each item's share of its shelf, from the shop's truth.
        seed: of the other half.
    """
    weight_N = np.array([weights[item_id] for item_id in items["item_id"].to_pylist()])
    shelf_N = np.unique(items["category"].to_pylist(), return_inverse=True)[1]
    popular_N = np.zeros(items.num_rows)
    for shelf in range(int(shelf_N.max()) + 1):
        (rows,) = np.nonzero(shelf_N == shelf)
        popular_N[rows[np.argsort(weight_N[rows], kind="stable")]] = np.linspace(0.0, 1.0, len(rows))
    hidden_N = np.random.default_rng([seed, 17]).random(items.num_rows)
    return np.asarray(MIN_APPEAL + (1.0 - MIN_APPEAL) * (popular_N + hidden_N) / 2.0)


def relevance(query: PlantedQuery, items: pa.Table, appeal_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much each item is worth to whoever asks, shape (N,), from 0 to 1."""
    leaf = np.array([str(category).split(" > ")[-1] == query.leaf for category in items["category"].to_pylist()])
    met, wished = np.ones(items.num_rows), 1
    for wanted, column in (
        (query.colour, [json.loads(text or "{}").get("colour") for text in items["attributes"].to_pylist()]),
        (query.brand, items["brand"].to_pylist()),
    ):
        if wanted is not None:
            met += np.array([value == wanted for value in column])
            wished += 1
    if query.highest_price is not None:
        met += np.array([price is not None and price <= query.highest_price for price in items["price"].to_pylist()])
        wished += 1
    # Whoever asks for three things and gets one is not a third as glad.
    return np.asarray(leaf * (met / wished) ** 2 * appeal_N)


def _drawn(leaf: Leaf, row: dict[str, Any], rng: np.random.Generator) -> PlantedQuery:
    colour = json.loads(row["attributes"] or "{}").get("colour")
    wishes = rng.random(3)
    colour = colour if colour is not None and wishes[0] < 0.5 else None
    brand = row["brand"] if wishes[1] < 0.3 else None
    price = float(10 * np.ceil(row["price"] * 1.2 / 10)) if wishes[2] < 0.25 else None
    noun = leaf.noun.lower()
    others: Sequence[str] = OTHER_WORDS.get(leaf.noun, ())
    if others and rng.random() < OTHER_WORD_SHARE:
        noun = others[int(rng.integers(len(others)))]
    elif rng.random() < MISSPELT_SHARE:
        noun = _misspelt(noun, rng)
    english = [brand, colour.lower() if colour else None, noun, f"under {price:.0f} euro" if price else None]
    chinese = [brand, COLOURS_ZH[colour] if colour else None, leaf.zh, f"{price:.0f}元以下" if price else None]
    return PlantedQuery(
        english=" ".join(part for part in english if part),
        chinese=" ".join(part for part in chinese if part),
        leaf=leaf.name,
        colour=colour,
        brand=brand,
        highest_price=price,
    )


def _misspelt(noun: str, rng: np.random.Generator) -> str:
    """Return a noun with two letters swapped or one left out, never the first of a word."""
    places = [place for place in range(1, len(noun) - 1) if noun[place - 1 : place + 2].isalpha()]
    place = places[int(rng.integers(len(places)))]
    if rng.random() < 0.5:
        return noun[:place] + noun[place + 1 :]
    return noun[:place] + noun[place + 1] + noun[place] + noun[place + 2 :]
