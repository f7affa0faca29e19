"""The shop as the assistant knows it: items and what the marts say of them, in memory, each fact with its row's id.

A row's id is the name of its mart and its key, such as ``items:i_17`` or ``graph_edges:item:i_17|of_brand|brand:Acme``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from models.text.tokens import words_of

SEPARATOR: Final = " > "
ATTRIBUTE: Final = "attribute:"
ITEM: Final = "item:"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item that can be shown."""

    item_id: str
    title: str
    description: str = ""
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    currency: str | None = None
    in_stock: bool = True
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the attribute's name its values, such as ``{"colour": ("Blue",)}``."""
    stars: float | None = None
    """Mean of its ratings, 1 to 5; None without any."""
    ratings: int = 0

    @property
    def row(self) -> str:
        """Id of the row of the mart ``items`` that says what it is."""
        return f"items:{self.item_id}"

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its title and description."""
        return frozenset(words_of(f"{self.title} {self.description}"))

    def values(self, facet: str) -> tuple[str, ...]:
        """Return what the item has under a facet: ``category``, ``brand`` or an attribute's name."""
        if facet == "category":
            return (self.category,) if self.category else ()
        if facet == "brand":
            return (self.brand,) if self.brand else ()
        return self.attributes.get(facet, ())

    def value_row(self, facet: str, value: str) -> str:
        """Return the id of the edge that says so."""
        relation, node = {
            "category": ("in_category", f"category:{value}"),
            "brand": ("of_brand", f"brand:{value}"),
        }.get(facet, ("has_attribute", f"{ATTRIBUTE}{facet}={value}"))
        return edge_row(f"{ITEM}{self.item_id}", relation, node)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """An edge to another node."""

    target: str
    support: int
    score: float | None
    row: str


@dataclass(frozen=True, kw_only=True)
class Review:
    """A review in words."""

    review_id: str
    item_id: str
    stars: float | None
    text: str

    @property
    def row(self) -> str:
        """Id of its row."""
        return f"reviews:{self.review_id}"


class ShopGraph:
    """Items by id, their edges and their reviews."""

    def __init__(
        self,
        items: Iterable[Item],
        *,
        edges: Mapping[str, Mapping[str, Sequence[Neighbour]]] | None = None,
        reviews: Iterable[Review] = (),
    ) -> None:
        """Take what was read.

        Args:
            items: those that the shop lists.
            edges: by item id and relation, the most supported first.
            reviews: in words, the newest first.
        """
        self.items: Mapping[str, Item] = {item.item_id: item for item in items}
        self._edges = edges or {}
        self._reviews: dict[str, list[Review]] = {}
        for review in reviews:
            self._reviews.setdefault(review.item_id, []).append(review)

    @classmethod
    def of_rows(
        cls,
        *,
        items: Iterable[Mapping[str, Any]],
        edges: Iterable[Mapping[str, Any]],
        summaries: Iterable[Mapping[str, Any]] = (),
        reviews: Iterable[Mapping[str, Any]] = (),
    ) -> "ShopGraph":
        """Make one of rows of the marts ``items``, ``graph_edges``, ``review_summary`` and ``reviews``."""
        stars = {row["item_id"]: (row["rating_mean"], row["ratings"]) for row in summaries}
        attributes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        neighbours: dict[str, dict[str, list[Neighbour]]] = defaultdict(lambda: defaultdict(list))
        for edge in edges:
            item_id = edge["source_id"].removeprefix(ITEM)
            if edge["relation"] == "has_attribute":
                name, _, value = edge["target_id"].removeprefix(ATTRIBUTE).partition("=")
                attributes[item_id][name].append(value)
            elif edge["relation"] not in ("in_category", "of_brand"):
                row = edge_row(edge["source_id"], edge["relation"], edge["target_id"])
                neighbours[item_id][edge["relation"]].append(
                    Neighbour(target=edge["target_id"], support=edge["support"], score=edge["score"], row=row)
                )
        for relations in neighbours.values():
            for targets in relations.values():
                targets.sort(key=lambda one: (-one.support, one.target))
        rows = [row for row in items if row.get("is_listed") is not False]
        return cls(
            (
                Item(
                    item_id=row["item_id"],
                    title=row["title"],
                    description=row["description"] or "",
                    category=row["category"],
                    brand=row["brand"],
                    price=row["price"],
                    currency=row["currency"],
                    in_stock=row["is_available"],
                    attributes={
                        name: tuple(sorted(values)) for name, values in sorted(attributes[row["item_id"]].items())
                    },
                    stars=stars.get(row["item_id"], (None, 0))[0],
                    ratings=stars.get(row["item_id"], (None, 0))[1] or 0,
                )
                for row in rows
            ),
            edges=neighbours,
            reviews=(
                Review(review_id=row["review_id"], item_id=row["item_id"], stars=row["stars"], text=row["text"])
                for row in reviews
                if row["item_id"] is not None
            ),
        )

    def with_items(self, items: Mapping[str, Item], *, gone: Iterable[str] = ()) -> "ShopGraph":
        """Return the graph with other items in the place of those of the same ids, and without those that are gone."""
        out = set(gone)
        others = {item_id: item for item_id, item in self.items.items() if item_id not in out}
        graph = ShopGraph({**others, **items}.values(), edges=self._edges)
        graph._reviews = self._reviews
        return graph

    def with_review(self, review: Review) -> "ShopGraph":
        """Return the graph with one more review, the newest."""
        graph = self.with_items({})
        graph._reviews = {**self._reviews, review.item_id: [review, *self.reviews(review.item_id)]}  # noqa: SLF001
        return graph

    def neighbours(self, item_id: str, relation: str) -> Sequence[Neighbour]:
        """Return the edges of an item in one relation, the most supported first."""
        return self._edges.get(item_id, {}).get(relation, ())

    def reviews(self, item_id: str) -> Sequence[Review]:
        """Return the reviews of an item in words."""
        return self._reviews.get(item_id, ())

    @cached_property
    def facets(self) -> Mapping[str, frozenset[str]]:
        """By ``category`` (every level of each path), ``brand`` and each attribute's name, the values that exist."""
        values: dict[str, set[str]] = defaultdict(set)
        for item in self.items.values():
            if item.brand:
                values["brand"].add(item.brand)
            parts = item.category.split(SEPARATOR) if item.category else []
            values["category"].update(SEPARATOR.join(parts[:depth]) for depth in range(1, len(parts) + 1))
            for name, those in item.attributes.items():
                values[name].update(those)
        return {name: frozenset(those) for name, those in values.items()}

    @cached_property
    def best_first(self) -> Sequence[Item]:
        """Every item, those of the most orders with others, ratings and stars first; a tie goes by id."""
        orders = {
            item_id: sum(one.support for relation in ("bought_with",) for one in relations.get(relation, ()))
            for item_id, relations in self._edges.items()
        }
        return sorted(
            self.items.values(),
            key=lambda item: (-orders.get(item.item_id, 0) - item.ratings, -(item.stars or 0.0), item.item_id),
        )


def edge_row(source: str, relation: str, target: str) -> str:
    """Return the id of an edge."""
    return f"graph_edges:{source}|{relation}|{target}"
