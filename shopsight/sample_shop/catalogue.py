"""The catalogue: readable items, how popular each is, and which item leads to which."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.events import ITEM_SCHEMA
from shopsight.sample_shop import vocabulary as words
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.drawings import drawn_address
from shopsight.sample_shop.shelves import DEPARTMENTS, LEAVES
from shopsight.sample_shop.wording import describe, signature_wording

SOURCE = "sample_shop"
CURRENCY = "EUR"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Items as parallel columns, shelf by shelf; on each shelf the most popular item comes first.

    Legend: I items, L shelves (leaves), N next items.
    """

    item_ids: list[str]
    titles: list[str]
    descriptions: list[str]
    brands: list[str]
    models: list[str]
    """Brand and series, as people name the item: ``Veloria Aero 3``."""
    looks: list[str]
    """Colour, or pack size where colour makes no sense."""
    attributes: list[str]
    leaf_I: NDArray[np.int16]
    price_I: NDArray[np.float64]
    """Price at the end of the history, in euro."""
    earlier_price_I: NDArray[np.float64]
    """Price before it was changed; the same where it never was."""
    changed_at_I: NDArray[np.int64]
    """Moment of the change, in microseconds since 1970, or -1."""
    sold_out_I: NDArray[np.int64]
    """Moment from which an item cannot be bought, in microseconds since 1970, or :data:`NEVER`."""
    restocked_I: NDArray[np.int64]
    """Moment from which it can be bought again, or :data:`NEVER`."""
    substitute_I: NDArray[np.int32]
    """What is bought instead: an item of the same shelf that never runs out."""
    weight_I: NDArray[np.float64]
    """Chance of each item when someone picks an item of its shelf afresh; a Zipf law by rank."""
    next_IN: NDArray[np.int32]
    """Where each item leads: [similar, complement, similar, complement]; drawn with ``NEXT_SHARES``."""
    leaf_start_L: NDArray[np.int64]
    """First item of each shelf, and one past the last item at the end (L + 1)."""
    trail: NDArray[np.int32]
    """Indices of the hand-written items, in the order they lead to each other."""

    @property
    def leaf_department_L(self) -> NDArray[np.int64]:
        """Department of each shelf."""
        return np.array([DEPARTMENTS.index(leaf.department) for leaf in LEAVES])

    def pick(self, leaf: NDArray[np.integer[Any]], uniform: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return an item of each shelf in ``leaf`` by popularity, from draws between 0 and 1."""
        # One search in the running sum over all items stands for a search per shelf.
        total = np.cumsum(self.weight_I)
        picked = np.searchsorted(total, leaf + uniform * (1 - 1e-9), side="right")
        return np.asarray(np.minimum(picked, self.leaf_start_L[leaf + 1] - 1), dtype=np.int32)

    def price_at(self, item: NDArray[np.integer[Any]], moment: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the price of items at moments (microseconds since 1970), in euro."""
        earlier, now = self.earlier_price_I[item], self.price_I[item]
        return np.asarray(np.where(moment < self.changed_at_I[item], earlier, now), dtype=np.float64)

    def is_sold_out(
        self, item: NDArray[np.integer[Any]], moment: NDArray[np.int64], *, ahead_us: int = 0
    ) -> NDArray[np.bool_]:
        """Return whether items cannot be bought at moments, or run out within ``ahead_us`` after them."""
        return np.asarray((moment >= self.sold_out_I[item] - ahead_us) & (moment < self.restocked_I[item]))

    def table(self, config: SampleShopConfig) -> pa.Table:
        """Return every version of the items as the shop would export them (``ITEM_SCHEMA``): the first ones first."""
        size = len(self.item_ids)
        moments = (self.changed_at_I, self.sold_out_I, self.restocked_I)
        later = [np.flatnonzero((moment > 0) & (moment < NEVER)) for moment in moments]
        item = np.concatenate([np.arange(size), *later])
        since = np.concatenate(
            [np.full(size, config.starts_at_us), *[moment[at] for moment, at in zip(moments, later, strict=True)]]
        )
        order = np.lexsort((item, since))
        item, since = item[order], since[order]
        sold_out, price = self.is_sold_out(item, since), self.price_at(item, since)
        begins = pa.array(since, pa.timestamp("us", tz="UTC"))
        numbers = pa.array(item)

        def words(texts: list[str]) -> pa.Array:
            return pa.array(texts).take(numbers)

        nouns = [LEAVES[leaf].noun for leaf in self.leaf_I.tolist()]
        columns = {
            "item_id": words(self.item_ids),
            "title": words(self.titles),
            "description": words(self.descriptions),
            "category": words([category(leaf) for leaf in self.leaf_I.tolist()]),
            "brand": words(self.brands),
            "price": pa.array([f"{one:.4f}" for one in price]).cast(pa.decimal128(18, 4)),
            "currency": pa.repeat(CURRENCY, len(item)),
            "availability": pa.array(np.where(sold_out, "out_of_stock", "in_stock").tolist()),
            "image_url": words(list(map(drawn_address, nouns, self.looks))),
            "attributes": words(self.attributes),
            "valid_from": begins,
            "valid_to": pa.nulls(len(item), pa.timestamp("us", tz="UTC")),
            "source": pa.repeat(SOURCE, len(item)),
            "created_timestamp": begins,
        }
        return pa.table(columns, schema=ITEM_SCHEMA)


NEVER = 1 << 62
"""A moment after everything."""

NEXT_SHARES = (0.5, 0.3, 0.12, 0.08)
"""Chances of the four next items; after an order the two complements share the draw."""


def category(leaf: int) -> str:
    """Return the category path of a shelf."""
    return f"{LEAVES[leaf].department} > {LEAVES[leaf].name}"


def build_catalogue(config: SampleShopConfig, rng: np.random.Generator) -> Catalogue:
    """Draw the catalogue: shelves of equal size, Zipf popularity, and the graph of next items."""
    leaves = len(LEAVES)
    counts = np.full(leaves, config.items // leaves)
    counts[: config.items - counts.sum()] += 1
    start = np.concatenate([[0], np.cumsum(counts)])
    leaf_I = np.repeat(np.arange(leaves), counts)
    rank_I = np.arange(config.items) - start[leaf_I]
    weight_I = (rank_I + 1.0) ** -1.05
    weight_I /= np.add.reduceat(weight_I, start[:-1])[leaf_I]

    trail = _trail_positions(start)
    serial_I = np.empty(config.items, dtype=np.int64)
    serial_I[trail] = np.arange(1, len(trail) + 1)
    others = np.setdiff1d(np.arange(config.items), trail)
    serial_I[others] = len(trail) + 1 + rng.permutation(len(others))

    spread = rng.normal(0.0, 0.5, config.items)
    low, high = (np.array([leaf.price[side] for leaf in LEAVES])[leaf_I] for side in (0, 1))
    price_I = np.exp((np.log(low) + np.log(high)) / 2 + np.clip(spread, -1.2, 1.2) * (np.log(high) - np.log(low)) / 2)
    price_I = np.maximum(np.round(price_I) - 0.05, 1.0)
    draws = rng.integers(0, 1 << 30, size=(config.items, 4))
    texts = [
        describe(int(leaf), int(rank), draws[row]) for row, (leaf, rank) in enumerate(zip(leaf_I, rank_I, strict=True))
    ]
    for position, signature in zip(trail.tolist(), words.TRAIL, strict=True):
        texts[position] = signature_wording(signature, int(leaf_I[position]))
        price_I[position] = signature.price
    changed_at_I, earlier_price_I = _price_changes(config, price_I, trail, rng)
    sold_out_I, restocked_I = _outages(config, rank_I, trail, rng)
    lasting = np.flatnonzero(sold_out_I == NEVER)
    return Catalogue(
        item_ids=[f"item-{serial:06d}" for serial in serial_I.tolist()],
        titles=[text.title for text in texts],
        descriptions=[text.description for text in texts],
        brands=[text.brand for text in texts],
        models=[text.model for text in texts],
        looks=[text.look for text in texts],
        attributes=[text.attributes for text in texts],
        leaf_I=leaf_I.astype(np.int16),
        price_I=price_I,
        earlier_price_I=earlier_price_I,
        changed_at_I=changed_at_I,
        sold_out_I=sold_out_I,
        restocked_I=restocked_I,
        # The most popular item of a shelf never runs out, so that each item has one at or before it.
        substitute_I=lasting[np.searchsorted(lasting, np.arange(config.items), side="right") - 1].astype(np.int32),
        weight_I=weight_I,
        next_IN=_next_items(start, leaf_I, trail, rng),
        leaf_start_L=start,
        trail=trail,
    )


def _price_changes(
    config: SampleShopConfig, price_I: NDArray[np.float64], trail: NDArray[np.int32], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return when prices changed (a quarter of them, once) and what they were before: up to a fifth more or less."""
    size = len(price_I)
    moment = config.starts_at_us + np.floor(rng.uniform(0.2, 0.9, size) * config.days).astype(np.int64) * 86_400_000_000
    step = rng.uniform(0.06, 0.2, size) * rng.choice([-1.0, 1.0], size)
    changes = rng.random(size) < 0.25
    changes[trail] = False
    earlier = np.maximum(np.round(price_I * (1.0 + step)) - 0.05, 1.0)
    changes &= earlier != price_I
    return np.where(changes, moment, -1), np.where(changes, earlier, price_I)


def _outages(
    config: SampleShopConfig, rank_I: NDArray[np.int64], trail: NDArray[np.int32], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return from when and until when items cannot be bought: a tenth for some days, one in thirty to the end."""
    size, day = len(rank_I), 86_400_000_000
    kind = rng.random(size)
    kind[trail] = kind[rank_I == 0] = 1.0
    passing, final = kind < 0.10, (kind >= 0.10) & (kind < 0.133)
    # At five in the morning, and back at noon.
    since = config.starts_at_us + np.floor(rng.uniform(0.15, 0.75, size) * config.days).astype(np.int64) * day
    since += 5 * 3_600_000_000
    until = since + np.floor(rng.uniform(0.05, 0.2, size) * config.days).astype(np.int64) * day + 7 * 3_600_000_000
    return np.where(passing | final, since, NEVER), np.where(passing, until, NEVER)


def _trail_positions(start: NDArray[np.int64]) -> NDArray[np.int32]:
    names = [leaf.name for leaf in LEAVES]
    used: dict[str, int] = {}
    positions = []
    for signature in words.TRAIL:
        positions.append(start[names.index(signature.leaf)] + used.get(signature.leaf, 0))
        used[signature.leaf] = used.get(signature.leaf, 0) + 1
    return np.array(positions, dtype=np.int32)


def _next_items(
    start: NDArray[np.int64], leaf_I: NDArray[np.int64], trail: NDArray[np.int32], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Return, for each item, two similar items of its shelf and two complements of its department's next shelf."""
    departments = [leaf.department for leaf in LEAVES]
    next_IN = np.empty((len(leaf_I), 4), dtype=np.int32)
    for leaf, department in enumerate(departments):
        shelf = np.arange(start[leaf], start[leaf + 1])
        following = (
            leaf + 1
            if leaf + 1 < len(departments) and departments[leaf + 1] == department
            else departments.index(department)
        )
        other = np.arange(start[following], start[following + 1])
        for column in range(4):
            targets = shelf if column % 2 == 0 else other
            # Popular items lead to popular items, or the graph would flatten the Zipf law.
            order = np.argsort(np.arange(len(shelf)) + rng.normal(0.0, 0.12 * len(shelf) + 1.0, len(shelf)))
            next_IN[shelf[order], column] = targets[np.arange(len(shelf)) * len(targets) // len(shelf)]
            if column % 2 == 0:  # no item is its own next item
                selfish = next_IN[shelf, column] == shelf
                next_IN[shelf[selfish], column] = shelf[(np.flatnonzero(selfish) + 1) % len(shelf)]
    next_IN[trail[:-1], 0] = next_IN[trail[:-1], 1] = trail[1:]
    return next_IN
