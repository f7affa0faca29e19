"""A shop's own rules for lists: one YAML file, validated as a whole, in force for every request that it names.

A rule does one thing to the lists of some placements: leaves items out, moves them up or down, prefers what is new,
lets a brand or category have so many places at most, or puts items where the shop wants them; docs/api.md shows each.
"""

from collections.abc import Mapping
from copy import copy
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from models.catalogue import Catalogue
from serving.items.catalogue_filter import CatalogueFilter
from serving.items.schemas import BrandFilter, CategoryFilter, ItemFilter, Placement, PriceFilter
from serving.items.wishes import CANDIDATES, Wishes
from serving.schemas import Identifier, Request
from shopsight.books import read_book
from shopsight.errors import ShopsightError

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
KINDS: Final = ("leave_out", "boost", "prefer_new", "at_most", "pin")


class UnusableRulesError(ShopsightError):
    """A rules file that cannot be read, or says something that no list can follow."""


class Items(Request):
    """Which items a rule is about: those that meet every line of it."""

    item_ids: list[Identifier] | None = Field(default=None, min_length=1, max_length=10_000)
    category: CategoryFilter | None = None
    brand: BrandFilter | None = None
    price: PriceFilter | None = None

    @model_validator(mode="after")
    def _about_something(self) -> "Items":
        if not self.model_fields_set:
            raise ValueError("name the items by item_ids, category, brand or price")
        price = self.price
        if price is not None and price.gte is not None and price.lte is not None and price.gte > price.lte:
            raise ValueError("the price's gte is above its lte: the rule is about no item")
        return self

    def mask(self, catalogue: Catalogue, catalogue_filter: CatalogueFilter) -> NDArray[np.bool_]:
        """Return which items of the catalogue these are, shape (N,)."""
        asked = ItemFilter(category=self.category, brand=self.brand, price=self.price, in_stock=False)
        mask = catalogue_filter.mask(asked)
        assert mask is not None, "a filter was given"
        if self.item_ids is not None:
            named = np.zeros(len(catalogue), dtype=np.bool_)
            named[[place for place in map(catalogue.index_of, self.item_ids) if place is not None]] = True
            mask = mask & named
        return mask


class Boost(Request):
    """Moves items up, or down where ``by`` is negative; 1 is from the end of the candidates to their front."""

    items: Items
    by: Annotated[FiniteFloat, Field(ge=-1, le=1)]


class PreferNew(Request):
    """Moves an item up by ``by`` on its first day, by half of that after ``half_life_days``, and so on."""

    by: Annotated[FiniteFloat, Field(gt=0, le=1)]
    half_life_days: Annotated[FiniteFloat, Field(gt=0)] = 14.0


class AtMost(Request):
    """Lets every brand, or every category, have so many places of a list."""

    places: Annotated[int, Field(ge=1)]
    per: Literal["category", "brand"]


class Pin(Request):
    """Puts items on the list, from a place on, where they may be shown at all."""

    item_ids: list[Identifier] = Field(min_length=1, max_length=20)
    place: Annotated[int, Field(ge=1, le=100)] = 1


class BuyAgain(Request):
    """When items that a shopper bought may be shown to them again as if they were new: consumables, after a while."""

    items: Items
    after_days: Annotated[FiniteFloat, Field(ge=0)] | Literal["usual"] = "usual"
    """Days since the purchase; ``usual``: as long as it mostly takes shoppers to buy the item again."""


class Explore(Request):
    """Shows another item now and then at the end of a list, with a chance that is known, so that it can be judged."""

    share: Annotated[FiniteFloat, Field(gt=0, le=0.5)]
    """Chance that a place shows another item."""
    placements: list[Placement] = Field(min_length=1)
    places: Annotated[int, Field(ge=1, le=20)] = 1
    """Most places of a list that may: its last ones, and never the first."""
    among: Annotated[int, Field(ge=1, le=CANDIDATES)] = 20
    """How many of the items that come after the list are drawn from."""


class Rule(Request):
    """One thing to do to the lists of some placements."""

    name: Name
    placements: list[Placement | Literal["search"]] = Field(default=[*get_args(Placement), "search"], min_length=1)
    """Of lists, and the results of searches; ``prefer_new`` and the book's ``less_popular`` are of lists alone."""
    starts: date | None = None
    ends: date | None = None
    """The last day on which it holds (UTC)."""
    leave_out: Items | None = None
    boost: Boost | None = None
    prefer_new: PreferNew | None = None
    at_most: AtMost | None = None
    pin: Pin | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> "Rule":
        done = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(done) != 1:
            raise ValueError(f"a rule does exactly one of {', '.join(KINDS)}; this one has {len(done)}")
        if self.prefer_new and "placements" in self.model_fields_set and "search" in self.placements:
            raise ValueError("prefer_new is of lists: the results of a search do not go by when items came")
        if self.starts and self.ends and self.starts > self.ends:
            raise ValueError("it ends before it starts")
        return self

    def holds(self, placement: str, day: date) -> bool:
        """Return whether the rule is in force for a placement on a day."""
        return (
            placement in self.placements
            and (self.starts is None or self.starts <= day)
            and (self.ends is None or day <= self.ends)
        )


class RuleBook(Request):
    """All rules of a shop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    less_popular: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.0
    """How far the most popular item is moved down beside the least popular one; 0 leaves popularity alone."""
    new_items: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.1
    """Largest share of a personal list that items may take which nobody had touched when the model was trained."""
    seen_items: Literal["last", "never", "anywhere"] = "last"
    """Where a personal list shows what the shopper saw: where nothing else is left, nowhere, or anywhere."""
    bought_items: Literal["never", "as_seen"] = "never"
    """Where a list shows what the shopper bought: nowhere, or where ``seen_items`` says."""
    buy_again: list[BuyAgain] = Field(default=[], max_length=1_000)
    """Of what was bought, what comes back by itself."""
    explore: Explore | None = None
    """Where lists try other items; nowhere by default."""
    rules: list[Rule] = Field(default=[], max_length=1_000)

    @model_validator(mode="after")
    def _names_differ(self) -> "RuleBook":
        names = [rule.name for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules are called {', '.join(map(repr, twice))}")
        return self

    @classmethod
    def read(cls, path: Path) -> "RuleBook":
        """Read a rules file.

        Raises:
            UnusableRulesError: it cannot be read; every line that is wrong is named.
        """
        return read_book(cls, path, what="rules", page="docs/api.md", error=UnusableRulesError)


class RulesInForce:
    """A rule book over a catalogue: what it asks of the lists of each placement."""

    def __init__(self, book: RuleBook, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._filter = CatalogueFilter(catalogue)
        self.book = book
        self._masks = {
            rule.name: items.mask(catalogue, self._filter) for rule in book.rules if (items := _items_of(rule))
        }
        self._buy_again = [(one.items.mask(catalogue, self._filter), one.after_days) for one in book.buy_again]

    def without(self, name: str) -> "RulesInForce":
        """Return what the book asks without one rule; the items of the others are not looked up again."""
        fewer = copy(self)
        fewer.book = self.book.model_copy(update={"rules": [rule for rule in self.book.rules if rule.name != name]})
        return fewer

    @property
    def warnings(self) -> list[str]:
        """Say which items, categories and brands the rules name that the catalogue has not, a sentence each."""
        named = [(f"rule {rule.name!r}", _items_of(rule), rule.pin) for rule in self.book.rules]
        named += [(f"buy_again {number}", one.items, None) for number, one in enumerate(self.book.buy_again, start=1)]
        return [f"{who} names {name}" for who, items, pin in named for name in self._unknown_in(items, pin)]

    def left_out(self, placement: str, now: datetime) -> NDArray[np.bool_] | None:
        """Return which items may not be shown, shape (N,), or None where all may."""
        masks = [self._masks[rule.name] for rule in self._holding(placement, now) if rule.leave_out is not None]
        return np.logical_or.reduce(masks) if masks else None

    def wishes(self, placement: str, now: datetime) -> Wishes:
        """Return what else the rules ask of a list; of several caps the strictest holds."""
        holding = self._holding(placement, now)
        caps: dict[str, int] = {}
        for cap in (rule.at_most for rule in holding if rule.at_most is not None):
            caps[cap.per] = min(cap.places, caps.get(cap.per, cap.places))
        return Wishes(
            boosts=tuple((self._masks[rule.name], rule.boost.by) for rule in holding if rule.boost is not None),
            prefer_new=tuple((new.by, new.half_life_days) for rule in holding if (new := rule.prefer_new) is not None),
            less_popular=self.book.less_popular,
            caps=caps,
            pins=tuple((pin.place, tuple(pin.item_ids)) for rule in holding if (pin := rule.pin) is not None),
        )

    def explore(self, placement: str) -> Explore | None:
        """Return how the lists of a placement try other items, or None where they do not."""
        explore = self.book.explore
        return explore if explore is not None and placement in explore.placements else None

    def due_again(
        self, bought_at: Mapping[str, float | None], usual_days_N: NDArray[np.float32], now: datetime
    ) -> frozenset[str]:
        """Return which of the items that a shopper bought may be shown to them again as if they were new.

        Args:
            bought_at: the last purchase of each, in seconds since 1970; None where it was just now.
            usual_days_N: after how many days shoppers buy each item of the catalogue again; not a number if unknown.
            now: the moment of the list.
        """
        due = set()
        for item_id, moment in bought_at.items() if self._buy_again else ():
            place = self.catalogue.index_of(item_id)
            if place is None:
                continue
            days = 0.0 if moment is None else (now.timestamp() - moment) / 86_400
            waits = (after for mask_N, after in self._buy_again if mask_N[place])
            if any(days >= (usual_days_N[place] if wait == "usual" else wait) for wait in waits):
                due.add(item_id)
        return frozenset(due)

    def _unknown_in(self, items: Items | None, pin: Pin | None) -> list[str]:
        ids = (items.item_ids if items else None) or (pin.item_ids if pin else [])
        places = {item_id: self.catalogue.index_of(item_id) for item_id in ids}
        unknown = [
            f"the {'unknown' if place is None else 'deleted'} item {item_id!r}"
            for item_id, place in places.items()
            if place is None or not self.catalogue.listed[place]
        ]
        for kind in ("category", "brand"):
            asked = getattr(items, kind, None)
            for name in asked.any_of if asked else []:
                only = ItemFilter.model_validate({kind: {"any_of": [name]}, "in_stock": False})
                passing = self._filter.mask(only)
                if passing is not None and not passing.any():
                    unknown.append(f"the unknown {kind} {name!r}")
        return unknown

    def _holding(self, placement: str, now: datetime) -> list[Rule]:
        return [rule for rule in self.book.rules if rule.holds(placement, now.date())]


def _items_of(rule: Rule) -> Items | None:
    return rule.leave_out or (rule.boost.items if rule.boost else None)
