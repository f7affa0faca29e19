"""What is true of the sample shop: from its generator, and from the marts by SQL of the benchmark's own.

Nothing here goes through the assistant's own reading of the shop.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from shopsight.marts import open_marts
from shopsight.sample_shop.shelves import LEAVES
from shopsight.sample_shop.shop import SampleShop
from shopsight.sample_shop.vocabulary import COLOURS_ZH
from shopsight.settings import Settings

FACET_WORDS: Final = {
    "en": {"colour": "colour", "material": "material", "kind": "type", "pack": "pack size", "brand": "brand"},
    "zh": {"colour": "颜色", "material": "材质", "kind": "类型", "pack": "规格", "brand": "品牌"},
}
"""How shoppers call what an item has."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One item as the generator made it, at the end of its history."""

    item_id: str
    title: str
    model: str
    category: str
    noun: str
    noun_zh: str
    price: float
    in_stock: bool
    values: dict[str, str]
    """By facet: brand, kind, and colour and material or pack."""

    def word(self, facet: str, language: str) -> str:
        """Return how a shopper names the item's value."""
        value = self.values[facet]
        if language == "zh" and facet == "colour":
            return COLOURS_ZH[value]
        return value.lower() if facet in ("colour", "material") else value


@dataclass(kw_only=True)
class Facts:
    """The whole shop."""

    items: dict[str, Fact]
    ratings: dict[str, tuple[float, int]]
    bought_with: dict[str, set[str]]
    orders: dict[str, list[dict[str, Any]]]
    """By pseudonym a shopper's orders, the newest first, with their lines."""
    names: set[str] = field(default_factory=set)

    def of_category(self, category: str) -> list[Fact]:
        """Return the items of a shelf that can be bought."""
        return [fact for fact in self.items.values() if fact.category == category and fact.in_stock]


def read_facts(shop: SampleShop, settings: Settings) -> Facts:
    """Return what is true of a generated shop whose events lie in a home with a built warehouse."""
    rows = shop.items.to_pylist()
    newest: dict[str, dict[str, Any]] = {}
    for row in rows:
        newest[row["item_id"]] = row
    nouns = {f"{leaf.department} > {leaf.name}": leaf for leaf in LEAVES}
    items = {}
    for row in newest.values():
        leaf = nouns[row["category"]]
        values = {"brand": row["brand"], **json.loads(row["attributes"])}
        values.pop("compatible_with", None)
        kind_at = row["title"].rfind(f" {values['kind']} {leaf.noun}")
        items[row["item_id"]] = Fact(
            item_id=row["item_id"],
            title=row["title"],
            model=row["title"][:kind_at],
            category=row["category"],
            noun=leaf.noun.lower(),
            noun_zh=leaf.zh,
            price=float(row["price"]),
            in_stock=row["availability"] == "in_stock",
            values=values,
        )
    with open_marts(settings) as marts:
        counted = marts.execute("select item_id, rating_mean, ratings from review_summary").fetchall()
        ratings = {item: (mean, count) for item, mean, count in counted}
        pairs = marts.execute(
            "select one.item_id, other.item_id from order_items as one inner join order_items as other "
            "on one.order_key = other.order_key and one.item_id != other.item_id "
            "inner join users on one.user_id = users.user_id and users.consent != 'none' "
            "where one.quantity > 0 and other.quantity > 0 group by all having count(*) >= 2"
        ).fetchall()
        orders = marts.execute(
            "select user_id, order_key, order_id, ordered_at, gross_revenue from orders where ordered_at is not null "
            "order by ordered_at desc"
        ).fetchall()
        lines = marts.execute("select order_key, item_id, quantity from order_items where quantity > 0").fetchall()
    bought_with: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        bought_with[one].add(other)
    of_order: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key, item, quantity in lines:
        of_order[key].append((item, quantity))
    of_user: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for user, key, order_id, _, total in orders:
        of_user[user].append({"order_id": order_id, "total": float(total), "lines": of_order[key]})
    return Facts(items=items, ratings=ratings, bought_with=dict(bought_with), orders=dict(of_user))
