"""What a shopper wants, as conditions on items: which items meet it, which condition leaves none, and what is near."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from models.assistant.graph import SEPARATOR, Item

Values = frozenset[str]
PRICE: Final = "price"
STOCK: Final = "stock"
TRAIT: Final = "trait"
EXCLUDED: Final = "excluded"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One thing that an item has to be."""

    facet: str
    """``category``, ``brand``, an attribute's name, :data:`PRICE`, :data:`TRAIT`, :data:`EXCLUDED` or :data:`STOCK`."""
    values: Values = frozenset()
    gte: float | None = None
    lte: float | None = None

    def holds(self, item: Item) -> bool:
        """Return whether an item meets it."""
        if self.facet == "category":
            category = item.category
            return category is not None and (category in self.values or category.startswith(self._branches))
        if self.facet == STOCK:
            return item.in_stock
        if self.facet == PRICE:
            above = self.gte is None or (item.price is not None and item.price >= self.gte)
            return above and (self.lte is None or (item.price is not None and item.price <= self.lte))
        if self.facet == TRAIT:
            return self.values <= item.words
        if self.facet == EXCLUDED:
            return not any(self._has(item, *value.split("=", 1)) for value in self.values)
        return any(self._has(item, self.facet, value) for value in self.values)

    @cached_property
    def _branches(self) -> tuple[str, ...]:
        """What the paths below its categories begin with."""
        return tuple(f"{value}{SEPARATOR}" for value in self.values)

    @staticmethod
    def _has(item: Item, facet: str, value: str) -> bool:
        if facet == "category":
            return item.category is not None and f"{item.category}{SEPARATOR}".startswith(f"{value}{SEPARATOR}")
        return value in item.values(facet)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Conditions that all have to hold."""

    facets: Mapping[str, Values] = field(default_factory=dict)
    """By facet the values of which an item has one."""
    excluded: Values = frozenset()
    """Values that an item may not have, each as ``facet=value``."""
    gte: float | None = None
    lte: float | None = None
    traits: Values = frozenset()
    """Words that the description has to have."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.facets or self.excluded or self.traits or self.has_price)

    @property
    def has_price(self) -> bool:
        """Whether it says what may be spent."""
        return self.gte is not None or self.lte is not None

    def conditions(self) -> list[Condition]:
        """Return its conditions, the category first and that it can be bought last."""
        order = sorted(self.facets, key=lambda facet: (facet != "category", facet))
        conditions = [Condition(facet=facet, values=self.facets[facet]) for facet in order]
        conditions += [Condition(facet=TRAIT, values=frozenset([word])) for word in sorted(self.traits)]
        if self.has_price:
            conditions.append(Condition(facet=PRICE, gte=self.gte, lte=self.lte))
        if self.excluded:
            conditions.append(Condition(facet=EXCLUDED, values=self.excluded))
        return [*conditions, Condition(facet=STOCK)]

    def matches(self, items: Iterable[Item]) -> list[Item]:
        """Return the items that meet it, in their order."""
        return meeting(items, self.conditions())

    def without(self, condition: Condition) -> "Wish":
        """Return the wish without one of its conditions."""
        if condition.facet == PRICE:
            return replace(self, gte=None, lte=None)
        if condition.facet == TRAIT:
            return replace(self, traits=self.traits - condition.values)
        if condition.facet == EXCLUDED:
            return replace(self, excluded=frozenset())
        return replace(self, facets={name: v for name, v in self.facets.items() if name != condition.facet})

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON has."""
        return {
            "facets": {name: sorted(values) for name, values in sorted(self.facets.items())},
            "excluded": sorted(self.excluded),
            "gte": self.gte,
            "lte": self.lte,
            "traits": sorted(self.traits),
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "Wish":
        """Return what :meth:`as_json` gave."""
        return cls(
            facets={name: frozenset(values) for name, values in document["facets"].items()},
            excluded=frozenset(document["excluded"]),
            gte=document["gte"],
            lte=document["lte"],
            traits=frozenset(document["traits"]),
        )


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """What there is where a wish cannot be met."""

    obstacles: Sequence[Condition]
    """Conditions that were let go: of each, there are items once it and those before it are gone."""
    items: Sequence[Item]
    """The items that meet all others, the nearest first."""


def meeting(items: Iterable[Item], conditions: Sequence[Condition]) -> list[Item]:
    """Return the items that meet all conditions, in their order."""
    return [item for item in items if all(condition.holds(item) for condition in conditions)]


def nearest(wish: Wish, items: Sequence[Item]) -> Nearest:
    """Return which condition leaves nothing, and the items that are nearest to a wish that no item meets.

    The condition without which most items are left is let go; where one is not enough, another one, and so on. The
    category is the last to go, and what need not have gone is taken back.
    """
    conditions = wish.conditions()
    # A bit of an item is a condition that it fails: each is looked at once, however many are let go.
    failing = [
        sum(1 << place for place, condition in enumerate(conditions) if not condition.holds(item)) for item in items
    ]
    in_force, gone = (1 << len(conditions)) - 1, []
    while in_force and all(bits & in_force for bits in failing):
        places = [place for place in range(len(conditions)) if in_force >> place & 1]
        may_go = [place for place in places if conditions[place].facet != "category"] or places
        counts = [sum(not bits & in_force & ~(1 << place) for bits in failing) for place in may_go]
        gone.append(may_go[counts.index(max(counts))])
        in_force &= ~(1 << gone[-1])
    for place in list(gone):
        if not all(bits & (in_force | 1 << place) for bits in failing):
            in_force |= 1 << place
            gone.remove(place)
    obstacles = [conditions[place] for place in gone]
    left = [item for item, bits in zip(items, failing, strict=True) if not bits & in_force]
    return Nearest(obstacles=obstacles, items=sorted(left, key=lambda item: _distance(item, obstacles)))


def _distance(item: Item, obstacles: Sequence[Condition]) -> float:
    """Return how far an item is from the price that was asked for, as a share of it; 0 where no price was let go."""
    away = 0.0
    for obstacle in obstacles:
        if obstacle.facet != PRICE or item.price is None:
            continue
        if obstacle.lte is not None and item.price > obstacle.lte:
            away += (item.price - obstacle.lte) / max(obstacle.lte, 1.0)
        if obstacle.gte is not None and item.price < obstacle.gte:
            away += (obstacle.gte - item.price) / max(obstacle.gte, 1.0)
    return away


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to ask, so that the list becomes short."""

    facet: str
    values: Sequence[str]
    """The answers that leave something, those that leave most first."""
    remaining: float
    """Items that are left on average, where each item is as likely to be the one that is wanted."""


def best_question(items: Sequence[Item], facets: Iterable[str], *, skipped: Iterable[str] = ()) -> Question | None:
    """Return the facet whose answer leaves the fewest items on average; None where no answer tells them apart.

    An item without a value of the facet stays whatever is answered.
    """
    questions = []
    for facet in sorted(set(facets) - set(skipped)):
        counts: dict[str, int] = {}
        for item in items:
            for value in item.values(facet):
                counts[value] = counts.get(value, 0) + 1
        if len(counts) < 2:
            continue
        without = sum(not item.values(facet) for item in items)
        answered = sum(counts.values())
        remaining = sum(count * (count + without) for count in counts.values()) / answered
        values = sorted(counts, key=lambda value: (-counts[value], value))
        questions.append(Question(facet=facet, values=values, remaining=remaining))
    return min(questions, key=lambda question: (question.remaining, question.facet), default=None)
