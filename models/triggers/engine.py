"""When which trigger is due for whom: reads what happens in its order, and forgets nothing that a rule looks back to.

It knows neither clock nor file: live and in a replay of last week the same happenings make the same moments.
"""

import hashlib
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from models.triggers.book import AbandonedCart, AbandonedSearch, BackInStock, PriceDrop, Trigger

LOOKS: Final = ("view_item", "select_item", "add_to_cart", "add_to_wishlist")
"""Events that say of a shopper that an item interests them."""
MAX_ITEMS: Final = 200
"""Items that a shopper's interest is remembered of, the newest."""

SAME_ORDER: Final = timedelta(minutes=1)
"""How far the lines of one order may lie apart: a later purchase is another order."""


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An event of a shopper."""

    at: datetime
    event_id: str
    name: str
    shopper: str
    """The pseudonym of the user, or of the device where no user is known."""
    item_id: str | None = None
    query: str | None = None


@dataclass(frozen=True, kw_only=True)
class ItemChange:
    """What the catalogue says of an item from a moment on."""

    at: datetime
    item_id: str
    price: float | None
    currency: str | None
    is_available: bool


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One thing that a firing rests on."""

    what: str
    """The event's name, or what changed of an item."""
    at: datetime
    event_id: str | None = None
    """None for what the catalogue says."""
    item_id: str | None = None
    query: str | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class Due:
    """A trigger that is due for a shopper."""

    trigger: str
    when: str
    shopper: str
    at: datetime
    cause: str
    """What makes it one and the same: the event, order or change that it follows."""
    item_ids: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    not_before: datetime | None = None
    """Where it was put off, until when."""

    @property
    def id(self) -> str:
        """Return the name of the firing: the same however often the same happenings are read."""
        return hashlib.sha256(f"{self.trigger}|{self.shopper}|{self.cause}".encode()).hexdigest()[:32]


@dataclass(kw_only=True)
class _Shopper:
    newest: datetime
    cart: OrderedDict[str, Evidence] = field(default_factory=OrderedDict)
    search: Evidence | None = None
    looks: OrderedDict[str, Evidence] = field(default_factory=OrderedDict)
    ordered_at: datetime | None = None
    bought: OrderedDict[str, datetime] = field(default_factory=OrderedDict)


class Engine:
    """Takes happenings and changes, and gives back what is due; use it from one thread."""

    def __init__(self, triggers: Sequence[Trigger]) -> None:
        self._carts = [one for one in triggers if isinstance(one, AbandonedCart)]
        self._searches = [one for one in triggers if isinstance(one, AbandonedSearch)]
        self._stocks = [one for one in triggers if isinstance(one, BackInStock)]
        self._drops = [one for one in triggers if isinstance(one, PriceDrop)]
        self._shoppers: dict[str, _Shopper] = {}
        self._interested: dict[str, set[str]] = {}
        self._items: dict[str, ItemChange] = {}
        self._waiting: list[tuple[datetime, int, Due]] = []
        self._numbers = itertools.count()

    def take(self, one: Happening) -> None:
        """Take note of an event."""
        shopper = self._shoppers.setdefault(one.shopper, _Shopper(newest=one.at))
        shopper.newest = max(shopper.newest, one.at)
        evidence = Evidence(what=one.name, at=one.at, event_id=one.event_id, item_id=one.item_id, query=one.query)
        if one.name == "purchase":
            shopper.ordered_at = max(shopper.ordered_at or one.at, one.at)
            shopper.cart.clear()
            if one.item_id is not None:
                shopper.bought[one.item_id] = one.at
                shopper.bought.move_to_end(one.item_id)
                if len(shopper.bought) > MAX_ITEMS:
                    shopper.bought.popitem(last=False)
                self._lose_interest(one.shopper, shopper, one.item_id)
        elif one.name == "remove_from_cart" and one.item_id is not None:
            shopper.cart.pop(one.item_id, None)
        elif one.name in LOOKS and one.item_id is not None:
            if one.name == "add_to_cart" and (shopper.ordered_at is None or one.at > shopper.ordered_at):
                shopper.cart[one.item_id] = evidence
                shopper.cart.move_to_end(one.item_id)
            self._gain_interest(one.shopper, shopper, one.item_id, evidence)
        if one.name == "search":
            shopper.search = evidence
        elif one.name in LOOKS or one.name == "purchase":
            shopper.search = None
        self._plan(one.shopper, shopper)

    def take_item(self, change: ItemChange) -> None:
        """Take note of what the catalogue says of an item."""
        before = self._items.get(change.item_id)
        if before is not None and change.at < before.at:
            return
        self._items[change.item_id] = change
        if before is None or not change.is_available:
            return
        if not before.is_available:
            self._plan_item(self._stocks, change, "back_in_stock", "it can be bought again")
        if before.price and change.price is not None and before.currency == change.currency:
            drop = 1 - change.price / before.price
            sure = [one for one in self._drops if drop >= one.min_drop - 1e-9]
            self._plan_item(sure, change, "price_drop", f"from {before.price:g} to {change.price:g}, {drop:.0%} less")

    def sign_in(self, device: str, user: str) -> None:
        """Hand what happened on a device over to the user who turned out to be behind it."""
        gone = self._shoppers.pop(device, None)
        if gone is None:
            return
        shopper = self._shoppers.setdefault(user, _Shopper(newest=gone.newest))
        shopper.newest = max(shopper.newest, gone.newest)
        for item_id, evidence in gone.cart.items():
            shopper.cart.setdefault(item_id, evidence)
        for item_id, evidence in gone.looks.items():
            self._interested.get(item_id, set()).discard(device)
            self._gain_interest(user, shopper, item_id, evidence)
        if gone.search is not None and (shopper.search is None or shopper.search.at < gone.search.at):
            shopper.search = gone.search
        self._plan(user, shopper)

    def forget(self, shopper: str) -> None:
        """Forget somebody who forbids personal use."""
        gone = self._shoppers.pop(shopper, None)
        for item_id in gone.looks if gone else ():
            self._interested.get(item_id, set()).discard(shopper)

    def add(self, moments: Iterable[Due]) -> None:
        """Take moments that follow orders of days ago."""
        for one in moments:
            self._push(one)

    def due(self, until: datetime) -> list[Due]:
        """Return what is due by a moment, in order; what has been overtaken by events is left out."""
        ready = []
        while self._waiting and self._waiting[0][0] <= until:
            one = heapq.heappop(self._waiting)[2]
            if self._still_holds(one):
                ready.append(one)
        return ready

    def put_off(self, one: Due, until: datetime) -> None:
        """Have a moment come again later, if it still holds then."""
        self._push(Due(**{**vars(one), "not_before": until}))

    def prune(self, before: datetime) -> None:
        """Let go of shoppers who have done nothing since a moment, which :attr:`TriggerBook.memory` says."""
        for name in [name for name, one in self._shoppers.items() if one.newest < before]:
            self.forget(name)

    def _push(self, one: Due) -> None:
        heapq.heappush(self._waiting, (one.not_before or one.at, next(self._numbers), one))

    def _plan(self, name: str, shopper: _Shopper) -> None:
        """Plan the reminders of a shopper's cart and search anew: each event puts the one of the cart off."""
        for cart in self._carts:
            if lying := _lying(shopper, cart):
                newest = max(lying.values(), key=lambda one: one.at)
                self._push(
                    Due(
                        trigger=cart.name,
                        when=cart.when,
                        shopper=name,
                        at=shopper.newest + timedelta(minutes=cart.after_minutes),
                        cause=newest.event_id or "",
                        item_ids=tuple(lying),
                        evidence=tuple(lying.values()),
                    )
                )
        if (search := shopper.search) is not None:
            for one in self._searches:
                self._push(
                    Due(
                        trigger=one.name,
                        when=one.when,
                        shopper=name,
                        at=search.at + timedelta(minutes=one.after_minutes),
                        cause=search.event_id or "",
                        evidence=(search,),
                    )
                )

    def _plan_item(
        self, triggers: Sequence[BackInStock | PriceDrop], change: ItemChange, what: str, detail: str
    ) -> None:
        said = Evidence(what=what, at=change.at, item_id=change.item_id, detail=detail)
        for trigger in triggers:
            oldest = change.at - timedelta(days=trigger.interest_days)
            for name in sorted(self._interested.get(change.item_id, ())):
                look = self._shoppers[name].looks[change.item_id]
                if oldest <= look.at <= change.at:
                    self._push(
                        Due(
                            trigger=trigger.name,
                            when=trigger.when,
                            shopper=name,
                            at=change.at,
                            cause=f"{change.item_id}@{change.at.isoformat()}",
                            item_ids=(change.item_id,),
                            evidence=(look, said),
                        )
                    )

    def _still_holds(self, one: Due) -> bool:
        shopper = self._shoppers.get(one.shopper)
        if one.when == "abandoned_cart":
            (cart,) = (cart for cart in self._carts if cart.name == one.trigger)
            if shopper is None or shopper.newest + timedelta(minutes=cart.after_minutes) != one.at:
                return False
            return set(one.item_ids) == set(_lying(shopper, cart))
        if one.when == "abandoned_search":
            return shopper is not None and shopper.search is not None and shopper.search.event_id == one.cause
        if one.when in ("back_in_stock", "price_drop"):
            newest = self._items[one.item_ids[0]]
            wanted = shopper is not None and one.item_ids[0] in shopper.looks
            # Sold out again, or dearer again, while it was put off: another moment speaks of it by then.
            return wanted and newest.is_available and (newest.at == one.evidence[-1].at or one.not_before is None)
        if shopper is None:
            return True
        again = shopper.bought.get(one.item_ids[0]) if one.when == "replenishment" else shopper.ordered_at
        return again is None or again <= one.evidence[0].at + SAME_ORDER

    def _gain_interest(self, name: str, shopper: _Shopper, item_id: str, evidence: Evidence) -> None:
        shopper.looks[item_id] = evidence
        shopper.looks.move_to_end(item_id)
        self._interested.setdefault(item_id, set()).add(name)
        if len(shopper.looks) > MAX_ITEMS:
            self._lose_interest(name, shopper, next(iter(shopper.looks)))

    def _lose_interest(self, name: str, shopper: _Shopper, item_id: str) -> None:
        shopper.looks.pop(item_id, None)
        self._interested.get(item_id, set()).discard(name)


def _lying(shopper: _Shopper, cart: AbandonedCart) -> dict[str, Evidence]:
    """Return what lies in a shopper's cart, and was put there not too long ago."""
    oldest = shopper.newest - timedelta(days=cart.cart_days)
    return {item_id: one for item_id, one in shopper.cart.items() if one.at >= oldest}
