"""Turns rows of events into what the engine reads: whose they are, and whether they may be used."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from models.triggers.engine import Engine, Happening
from serving.collector.known_shop import KnownShop
from shopsight.consent import allows

MAX_KNOWN: Final = 200_000
"""Events by which a repetition is known: a segment may land between two looks, and be read twice."""
LIVE_DAYS: Final = 3
"""How long purchases are at hand that the marts may lack."""


class Feeder:
    """Feeds one engine, from one thread."""

    def __init__(self, engine: Engine, shop: KnownShop) -> None:
        self.shop = shop
        """What the warehouse and requests since say; replaced when there is something new."""
        self.purchases: list[tuple[str, str, datetime, str | None]] = []
        """User, order, time and item of each purchase."""
        self.refused: set[str] = set()
        """Who forbade personal use in an event."""
        self._engine = engine
        self._links: dict[str, str] = {}
        self._read: OrderedDict[int, None] = OrderedDict()

    def feed(self, row: Mapping[str, Any]) -> None:
        """Take in an event in canonical columns, unless it was taken in before."""
        key = hash(
            tuple(row[name] for name in ("source", "event_id", "line_number", "event_name", "item_id", "order_id"))
        )
        if key in self._read:
            return
        self._read[key] = None
        if len(self._read) > MAX_KNOWN:
            self._read.popitem(last=False)
        user, device = row["user_id"], row["anonymous_id"]
        shopper = self._shopper(user, device)
        ids = [one for one in (user, device, shopper) if one is not None]
        if not allows(row["consent"], "personal"):
            self.refused.update(ids)
            for one in ids:
                self._engine.forget(one)
        if shopper is None or any(self.refuses(one) for one in ids):
            return
        if row["event_name"] == "purchase":
            order = f"{row['source']}:{row['order_id']}" if row["order_id"] else row["event_id"]
            self.purchases.append((shopper, order, row["event_timestamp"], row["item_id"]))
        self._engine.take(
            Happening(
                at=row["event_timestamp"],
                event_id=row["event_id"],
                name=row["event_name"],
                shopper=shopper,
                item_id=row["item_id"],
                query=row["query"],
            )
        )

    def refuses(self, shopper: str) -> bool:
        """Return whether somebody forbids personal use, or is a bot."""
        return shopper in self.shop.refused or shopper in self.refused

    def forget_purchases(self, before: datetime) -> None:
        """Let go of purchases that the marts have by now."""
        self.purchases = [one for one in self.purchases if one[2] >= before]

    def _shopper(self, user: str | None, device: str | None) -> str | None:
        if device is None:
            return user
        linked = self._links.get(device) or self.shop.links.get(device)
        if user is None:
            return linked or device
        if linked is None:
            self._links[device] = user
            self._engine.sign_in(device, user)
        elif linked != user:
            self._links[device] = device  # several use it: what happens on it without a user is nobody's
        return user


def has_account(shopper: str) -> bool:
    """Return whether somebody can be written to: a device alone has no address."""
    return not shopper.startswith("a_")
