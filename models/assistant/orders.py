"""A shopper's own orders, and what of them a message asks for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

_ID: Final = re.compile(r"#?\b([a-z]{0,3}-?\d[\w-]{2,})\b", re.IGNORECASE)
MAX_ORDERS: Final = 3
"""Orders that are told of at once."""


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """An item of an order."""

    row: str
    item_id: str | None
    name: str
    quantity: int
    amount: float | None = None
    """What the line cost in all."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order as the shop's tables have it."""

    row: str
    order_id: str
    ordered_on: date | None
    lines: Sequence[OrderLine]
    total: float | None
    currency: str | None
    refunded: float = 0.0
    status: str | None = None
    """As the shop says it; None where no table has it."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else is written of it, such as an address or a tracking number, by what it is called."""


class OrderBook(Protocol):
    """Where orders are looked up."""

    def orders_of(self, user_id: str) -> Sequence[Order]:
        """Return a shopper's orders, the newest first."""
        ...


def named_order(text: str, orders: Sequence[Order]) -> tuple[Order | None, str | None]:
    """Return the shopper's order that a text names by its number, and the number where it is none of theirs."""
    by_id = {order.order_id.casefold().lstrip("#"): order for order in orders}
    unknown = None
    for match in _ID.finditer(text):
        number = match.group(1).casefold()
        if number in by_id:
            return by_id[number], None
        if len(number) > 4 and any(letter.isdigit() for letter in number):
            unknown = match.group(1)
    return None, unknown
