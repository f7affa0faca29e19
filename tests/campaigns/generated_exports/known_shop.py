"""A shop of which all is known: who ordered what, what it brought, and what was given back, in plain numbers.

Everything is drawn from a ``random.Random`` that Hypothesis may stand behind, and is arranged so that its smallest
draws give the plainest shop: one order of one line, of one person, in one currency, without refunds.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Literal

from order_oracle import FIRST_DAY

Row = dict[str, Any]
RefundKind = Literal["whole", "order_amount", "item", "pieces", "item_amount", "item_price"]
ALL_REFUNDS: tuple[RefundKind, ...] = ("whole", "order_amount", "item", "pieces", "item_amount", "item_price")
NOUNS = ("Mug", "Pan", "Käse", "Teapot", "Lamp, small", 'Screen 5" wide', "碗", "Émile")
CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who orders: a known shopper, a device, both, or nobody."""

    user: str | None = None
    device: str | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of an order."""

    item: str
    title: str
    number: int
    quantity: int
    price: Decimal
    """Of one piece, before discounts."""
    discount: Decimal = Decimal(0)
    """Taken off this line alone."""
    share: Decimal = Decimal(0)
    """Its share of what is taken off the order."""

    @property
    def amount(self) -> Decimal:
        """What it brought."""
        return self.price * self.quantity - self.discount - self.share


@dataclass(frozen=True, kw_only=True)
class Refund:
    """Money or pieces given back of an order."""

    kind: RefundKind
    at: datetime
    line: Line | None = None
    pieces: int | None = None
    amount: Decimal | None = None


@dataclass(kw_only=True)
class Order:
    """One order."""

    number: str
    at: datetime
    person: Person
    currency: str
    lines: list[Line]
    discount: Decimal = Decimal(0)
    """Taken off the whole order; the lines' shares add up to it."""
    shipping: Decimal = Decimal(0)
    refunds: list[Refund] = field(default_factory=list)

    @property
    def revenue(self) -> Decimal:
        """What its lines brought."""
        return sum((line.amount for line in self.lines), Decimal(0))

    def rows(self) -> list[Row]:
        """Return its purchases and refunds as canonical rows."""
        bought: list[Row] = [self._row("purchase", self.at) | self._of(line) for line in self.lines]
        return bought + [self._row("refund", refund.at) | self._back(refund) for refund in self.refunds]

    def _row(self, name: str, at: datetime) -> Row:
        return {
            "event_name": name,
            "event_timestamp": at,
            "order_id": self.number,
            "item_id": None,
            "line_number": 0,
            "quantity": None,
            "price": None,
            "value": None,
            "currency": self.currency,
            "user_id": self.person.user,
            "anonymous_id": self.person.device,
        }

    def _of(self, line: Line) -> Row:
        return {
            "item_id": line.item,
            "line_number": line.number,
            "quantity": line.quantity,
            "price": line.price,
            "value": line.amount,
        }

    def _back(self, refund: Refund) -> Row:
        line = refund.line
        is_priced = refund.kind == "item_price" and line is not None
        return {
            "item_id": line.item if line else None,
            "line_number": line.number if line else 0,
            "quantity": refund.pieces,
            "price": line.price if is_priced and line else None,
            "value": refund.amount,
        }


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a format can say, and so what its shops may do."""

    refunds: tuple[RefundKind, ...] = ALL_REFUNDS
    refunds_of_an_order: int = 2
    currencies: tuple[str, ...] = ("EUR", "USD", "GBP", "JPY")
    is_one_currency: bool = False
    order_discounts: bool = True
    line_discounts: bool = True
    devices: bool = True
    nobodies: bool = True
    emails: bool = False
    """Whether a known shopper's id may be an e-mail address."""
    order_number: str = "{}"
    numeric_orders: bool = False
    titles: bool = True


@dataclass(kw_only=True)
class Shop:
    """The orders of a shop, and the visits without one that tie devices to people."""

    orders: list[Order]
    people: list[Person]
    number: int


def known_shop(rng: Random, number: int, style: Style) -> Shop:
    """Return a shop whose ids no shop of another number has."""
    people = _people(rng, number, style)
    currency = rng.choice(style.currencies)
    is_of_several = not style.is_one_currency and rng.random() > 0.7
    catalogue = _catalogue(rng, style)
    orders = []
    for k in range(1, 2 + rng.randrange(6)):
        of_order = rng.choice(style.currencies) if is_of_several else currency
        orders.append(_order(rng, number, k, rng.choice(people), of_order, catalogue, style))
    return Shop(orders=orders, people=people, number=number)


def _people(rng: Random, number: int, style: Style) -> list[Person]:
    people = []
    naming = rng.choice(("number", "text", "mail") if style.emails else ("number", "text"))
    for k in range(1, 2 + rng.randrange(4)):
        user = {"number": f"{number * 100 + k}", "text": f"cust-{number}-{k}", "mail": f"ida{number}.{k}@example.com"}
        device = str(uuid.UUID(int=number * 1000 + k + (7 << 100) + (1 << 120)))
        kind = rng.random()
        has_device = style.devices and rng.random() > 0.4
        people.append(
            Person(
                user=None if style.nobodies and kind > 0.75 else user[naming],
                device=device if has_device and kind < 0.9 else None,
                email=f"ida{number}.{k}@example.com",
            )
        )
    return people + _at_the_same_device(rng, people)


def _at_the_same_device(rng: Random, people: list[Person]) -> list[Person]:
    """Return a shopper's device before its log-in, or in other hands too."""
    registered = [person for person in people if person.user and person.device]
    if not registered or rng.random() < 0.6:
        return []
    one = rng.choice(registered)
    others = [person.user for person in people if person.user not in (None, one.user)]
    logged_out = [Person(device=one.device)]
    if others and rng.random() > 0.6:
        return [*logged_out, Person(user=rng.choice(others), device=one.device)]
    return logged_out


def _catalogue(rng: Random, style: Style) -> list[tuple[str, str, Decimal]]:
    is_numbered = rng.random() > 0.5
    items = []
    for k in range(1, 3 + rng.randrange(5)):
        cents = rng.choice((rng.randrange(50, 5000), rng.randrange(1, 90) * 100, rng.randrange(90_000, 250_000)))
        name = f"{rng.choice(NOUNS)} {k}" if style.titles else f"Mug {k}"
        items.append((f"{4000 + k}" if is_numbered else f"SKU-{k:02}", name, Decimal(cents) * CENT))
    return items


def _order(
    rng: Random,
    number: int,
    k: int,
    person: Person,
    currency: str,
    catalogue: list[tuple[str, str, Decimal]],
    style: Style,
) -> Order:
    count = 1 + rng.randrange(min(4, len(catalogue)))
    first = rng.randrange(len(catalogue))
    picked = [catalogue[(first + i) % len(catalogue)] for i in range(count)]
    lines = [_line(rng, at, item, style) for at, item in enumerate(picked)]
    order = Order(
        number=style.order_number.format(number * 100 + k),
        at=FIRST_DAY + timedelta(days=rng.randrange(20), seconds=rng.randrange(86_400)),
        person=person,
        currency=currency,
        lines=lines,
        shipping=rng.choice((Decimal(0), Decimal("4.90"), Decimal(5))),
    )
    if style.order_discounts and rng.random() > 0.75 and order.revenue > 1:
        _take_off(order, (order.revenue * rng.randrange(1, 30) / 100).quantize(CENT))
    if rng.random() > 0.6 and style.refunds:
        for n in range(1 + rng.randrange(style.refunds_of_an_order)):
            order.refunds.append(_refund(rng, order, n, style))
    return order


def _line(rng: Random, at: int, item: tuple[str, str, Decimal], style: Style) -> Line:
    sku, title, price = item
    quantity = rng.choice((1, 1, 2, 3, 12))
    off = Decimal(0)
    if style.line_discounts and rng.random() > 0.8:
        off = (price * quantity * rng.randrange(1, 50) / 100).quantize(CENT)
    return Line(item=sku, title=title, number=at, quantity=quantity, price=price, discount=off)


def _take_off(order: Order, discount: Decimal) -> None:
    """Spread a discount over the lines in whole cents; the last one takes what rounding leaves."""
    whole, left, lines = order.revenue, discount, []
    for place, line in enumerate(order.lines):
        is_last = place == len(order.lines) - 1
        share = left if is_last else (discount * line.amount / whole).quantize(CENT, "ROUND_DOWN")
        left -= share
        lines.append(Line(**{**line.__dict__, "share": share}))
    order.lines, order.discount = lines, discount


def _refund(rng: Random, order: Order, n: int, style: Style) -> Refund:
    # The importer's shares of an order's discount may differ from ours by a cent: no refund asks for one line's.
    kinds: list[RefundKind] = [
        kind for kind in style.refunds if not order.discount or kind in ("whole", "order_amount")
    ]
    kind: RefundKind = rng.choice(kinds or ["whole"])
    at = order.at + timedelta(days=1 + 3 * n + rng.randrange(3), minutes=rng.randrange(999))
    line = rng.choice(order.lines)
    pieces = 1 + rng.randrange(line.quantity)
    some = (order.revenue * rng.randrange(1, 110) / 100).quantize(CENT)
    of_line = (line.amount * rng.randrange(1, 110) / 100).quantize(CENT)
    refunds: dict[RefundKind, Refund] = {
        "whole": Refund(kind=kind, at=at),
        "order_amount": Refund(kind=kind, at=at, amount=max(some, CENT)),
        "item": Refund(kind=kind, at=at, line=line),
        "pieces": Refund(kind=kind, at=at, line=line, pieces=pieces),
        "item_amount": Refund(kind=kind, at=at, line=line, amount=max(of_line, CENT)),
        "item_price": Refund(kind=kind, at=at, line=line, pieces=pieces),
    }
    return refunds[kind]
