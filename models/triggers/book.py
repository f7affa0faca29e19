"""A shop's triggers: one YAML file, validated as a whole; docs/triggers.md shows each line of it."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AnyHttpUrl, Field, model_validator

from models.campaigns.book import Line, Name, QuietHours
from shopsight.books import read_book
from shopsight.errors import ShopsightError

Minutes = Annotated[float, Field(gt=0, le=7 * 24 * 60)]
Days = Annotated[float, Field(gt=0, le=730)]
LIVE: Final = ("abandoned_cart", "abandoned_search", "back_in_stock", "price_drop")
"""Kinds that follow events and items as they come; the others follow orders, days later."""


class UnusableTriggersError(ShopsightError):
    """The triggers file cannot be read, or is not valid."""


class Rule(Line):
    """What every trigger has."""

    name: Name
    hold_out: float = Field(default=0.2, ge=0.05, le=0.5)
    """Share of shoppers who are never sent it, by a hash of trigger and shopper."""
    cooldown_days: float = Field(default=7.0, ge=0, le=730)
    """How long a shopper is left alone by this trigger after it was due."""
    effect_days: int = Field(default=7, ge=1, le=90)
    """For how long afterwards orders are counted, of those it was sent to and of those held out."""


class AbandonedCart(Rule):
    """Something lies in the cart, and nothing came of it."""

    when: Literal["abandoned_cart"]
    after_minutes: Minutes = 60.0
    """Without any event of the shopper."""
    cart_days: Days = 2.0
    """How long ago something may have been put in to count as lying there."""


class AbandonedSearch(Rule):
    """A search that no look at an item followed."""

    when: Literal["abandoned_search"]
    after_minutes: Minutes = 30.0


class BackInStock(Rule):
    """An item can be bought again that the shopper looked at and did not buy."""

    when: Literal["back_in_stock"]
    interest_days: Days = 14.0
    """How old that look may be."""


class PriceDrop(Rule):
    """An item costs less that the shopper looked at and did not buy."""

    when: Literal["price_drop"]
    min_drop: float = Field(default=0.1, gt=0, lt=1)
    """Share of the price before by which it has to fall."""
    interest_days: Days = 14.0


class Replenishment(Rule):
    """A shopper's item should be used up: its usual interval since they bought it is over."""

    when: Literal["replenishment"]
    min_repeats: int = Field(default=10, ge=3)
    """Repeat purchases of an item from which its interval is told."""
    lead_days: float = Field(default=0.0, ge=0, le=60)
    """How long before the end of the interval."""


class WinBack(Rule):
    """A shopper has not ordered for some days."""

    when: Literal["win_back"]
    after_days: Days = 60.0


class FirstOrderFollowUp(Rule):
    """A shopper has placed a first order, and no second one yet."""

    when: Literal["first_order_follow_up"]
    after_days: Days = 3.0


Trigger = Annotated[
    AbandonedCart | AbandonedSearch | BackInStock | PriceDrop | Replenishment | WinBack | FirstOrderFollowUp,
    Field(discriminator="when"),
]


class Cap(Line):
    """How often a shopper is sent anything, by all triggers together."""

    max_firings: int = Field(default=2, ge=1)
    hours: float = Field(default=24.0, gt=0, le=24 * 90)


class TriggerBook(Line):
    """All triggers of a shop."""

    webhook: AnyHttpUrl | None = None
    """Where firings are posted; without it, nothing can be sent, and triggers can only be replayed."""
    cap: Cap = Cap()
    quiet_hours: QuietHours = QuietHours()
    max_delay_minutes: Minutes = 60.0
    """How late a firing may be, after a restart or where the webhook is away; later ones are left out."""
    triggers: list[Trigger] = Field(default=[], max_length=100)

    @model_validator(mode="after")
    def _named_once(self) -> "TriggerBook":
        names = [trigger.name for trigger in self.triggers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two triggers are called {', '.join(twice)}")
        return self

    @classmethod
    def read(cls, path: Path) -> "TriggerBook":
        """Read a triggers file.

        Raises:
            UnusableTriggersError: it is not valid; every wrong line is named.
        """
        return read_book(cls, path, what="triggers", page="docs/triggers.md", error=UnusableTriggersError)

    @property
    def max_delay(self) -> timedelta:
        """Return how late a firing may be."""
        return timedelta(minutes=self.max_delay_minutes)

    @property
    def memory(self) -> timedelta:
        """Return how far back events have to be read to know whom every live trigger is about."""
        minutes = [one.after_minutes for one in self.triggers if isinstance(one, AbandonedCart | AbandonedSearch)]
        days = [one.interest_days for one in self.triggers if isinstance(one, BackInStock | PriceDrop)]
        days += [one.cart_days for one in self.triggers if isinstance(one, AbandonedCart)]
        return timedelta(minutes=max(minutes, default=0.0), days=max(days, default=0.0)) + timedelta(days=1)

    def needs_webhook(self) -> str:
        """Return where firings are posted.

        Raises:
            UnusableTriggersError: the file does not say.
        """
        if self.webhook is None:
            raise UnusableTriggersError(
                "the triggers have nowhere to go",
                why="triggers.yml has no line `webhook`",
                fix="write `webhook: https://…` at its top; `shopsight triggers replay` needs none",
            )
        return str(self.webhook)
