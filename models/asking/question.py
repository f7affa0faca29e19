"""What a question means: whom it is about, what they may do, and within how many days.

A question holds nothing but what was read in its words; :meth:`Question.words` says it back in full, so that whoever
asked sees what was understood.
"""

from dataclasses import dataclass
from typing import Final, Literal

from shopsight.errors import ShopsightError

Kind = Literal[
    "order", "refund", "view", "cart", "wishlist", "checkout", "visit", "search", "question", "review", "rating"
]
"""What a shopper does, by the rows of the marts that say it."""
Subject = Literal["shoppers", "customers", "sessions"]

DEFAULT_HORIZON_DAYS: Final = 28
"""Horizon of a question that names none: whole weeks hold as many of each weekday."""

_PHRASES: Final[dict[Kind, tuple[str, str, str, str, str]]] = {
    "order": ("place", "placed", "an order", "orders", ""),
    "refund": ("return", "returned", "an item", "items", ""),
    "view": ("view", "viewed", "an item", "items", ""),
    "cart": ("put", "put", "an item", "items", " into the cart"),
    "wishlist": ("put", "put", "an item", "items", " on the wish list"),
    "checkout": ("begin", "began", "a checkout", "checkouts", ""),
    "visit": ("make", "made", "a visit", "visits", ""),
    "search": ("make", "made", "a search", "searches", ""),
    "question": ("ask", "asked", "a question", "questions", ""),
    "review": ("write", "wrote", "a review", "reviews", ""),
    "rating": ("rate", "rated", "an item", "items", ""),
}
"""Of each kind: the verb, its past, the thing, several of it, and what follows."""


class RefusedQuestionError(ShopsightError):
    """A question that cannot be judged: ``why`` says the reason, ``fix`` what can be asked."""


@dataclass(frozen=True)
class Bound:
    """An end of a range of money."""

    amount: float
    included: bool = True
    """Whether the amount itself lies in the range."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which items count; all of them where nothing is set."""

    categories: tuple[str, ...] = ()
    """Category paths, each with what lies below it."""
    category_name: str = ""
    """The category as the question names it."""
    brand: str = ""
    item_id: str = ""
    min_stars: float | None = None
    max_stars: float | None = None
    min_price: Bound | None = None
    max_price: Bound | None = None

    def words(self) -> str:
        """Return the filter in words, with a blank before it; empty where every item counts."""
        parts = [f' in category "{self.category_name}"'] if self.categories else []
        parts += [f' of brand "{self.brand}"'] if self.brand else []
        parts += [f' with the id "{self.item_id}"'] if self.item_id else []
        if self.min_stars is not None or self.max_stars is not None:
            low, high = self.min_stars or 1, self.max_stars or 5
            parts.append(f" with {low:g} stars" if low == high else f" with {low:g} to {high:g} stars")
        money = _range(self.min_price, self.max_price)
        parts += [f" of items that cost {money}"] if money else []
        return "".join(parts)


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something done often enough, or for enough money, within a span of days."""

    kind: Kind
    items: Filter = Filter()
    counts_items: bool = False
    """Whether the times are different items, not orders."""
    min_times: int = 1
    max_times: int | None = None
    min_money: Bound | None = None
    """What it must bring together."""
    max_money: Bound | None = None
    negated: bool = False
    """Whether it is *not* done."""
    days: int | None = None
    """Of the population: the days before the cut-off that count, all where None. Of the target: the horizon."""

    @property
    def is_plain(self) -> bool:
        """Whether one such thing, of any item and worth, is enough."""
        return self.items == Filter() and (self.min_times, self.max_times, self.min_money, self.max_money) == (
            1,
            None,
            None,
            None,
        )

    def words(self, *, past: bool) -> str:
        """Return what is done, in words: before the cut-off, or after it."""
        verb, verb_past, thing, things, after = _PHRASES[self.kind]
        if self.counts_items and self.kind == "order":
            verb, verb_past, thing, things = "buy", "bought", "an item", "items"
        money = _range(self.min_money, self.max_money)
        if money:
            verb, verb_past, after, amount = "spend", "spent", "", money
        elif self.max_times is not None:
            amount = f"{'exactly' if self.min_times == self.max_times else f'{self.min_times} to'} {self.max_times} "
            amount += thing.split()[1] if self.max_times == 1 else things
        else:
            amount = thing if self.min_times == 1 else f"at least {self.min_times} {things}"
        done = f"{amount}{after}{self.items.words()}"
        if not past:
            return f"{'not ' * self.negated}{verb} {done}"
        if self.negated:
            return f"never {verb_past} {done}" if self.days is None else f"did not {verb} {done}"
        return f"{verb_past} {done}"


def _range(low: Bound | None, high: Bound | None) -> str:
    """Return a range of money in words; empty where it has no end."""
    said = [] if low is None else [f"{'at least' if low.included else 'more than'} {low.amount:g}"]
    said += [] if high is None else [f"{'at most' if high.included else 'less than'} {high.amount:g}"]
    return " and ".join(said)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question as it was understood."""

    text: str
    subject: Subject
    conditions: tuple[Action, ...]
    """What is true of the population at the cut-off, all of it."""
    target: tuple[Action, ...]
    """What they do within the horizon, all of it."""
    horizon_days: int
    horizon_is_default: bool = False

    @property
    def population(self) -> str:
        """Whom the question is about, in words."""
        if self.subject == "sessions":
            return "visits under way, after each of their events"
        base = "customers (who have ordered)" if self.subject == "customers" else "shoppers seen before the cut-off"
        said = [
            action.words(past=True) + (f" in the {action.days} days before it" if action.days else " before it")
            for action in self.conditions
        ]
        return " who ".join([base, " and ".join(said)]) if said else base

    @property
    def outcome(self) -> str:
        """What is forecast, in words."""
        done = " and ".join(action.words(past=False) for action in self.target)
        if self.subject == "sessions":
            return "not end in an order" if self.target[0].negated else "end in an order"
        return f"{done} within {self.horizon_days} days after the cut-off"

    def words(self) -> str:
        """Return the whole question as it was understood."""
        default = f" (no horizon was named: {self.horizon_days} days)" if self.horizon_is_default else ""
        return f"Which {self.population} will {self.outcome}{default}?"
