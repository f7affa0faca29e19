"""What a generated export is: files, in the order in which they are imported, and what they truly say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generated_exports.known_shop import Order, Person, Row, Shop


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One import: a file, or a folder of them."""

    name: str
    """What is imported, below the export's own folder."""
    files: dict[str, bytes]
    """Bytes by path below that folder; ``name`` itself, or what lies in it."""


@dataclass(frozen=True, kw_only=True)
class TrueOrder:
    """What an order truly was."""

    rows: list[Row]
    """Its purchases and refunds, in canonical columns."""
    person: Person


@dataclass(kw_only=True)
class Truth:
    """What an export truly says."""

    orders: dict[str, TrueOrder]
    people: set[Person]
    """Everybody whom it names, buyers or not."""
    per_actor: bool = False
    """Whether order numbers are a person's own."""


@dataclass(kw_only=True)
class Export:
    """One export."""

    format_name: str
    deliveries: list[Delivery]
    truth: Truth
    faults: list[str] = field(default_factory=list)
    """What was planted, as ``family: kind``."""
    source: str = ""
    """Under which its events land."""
    by_design: tuple[str, ...] = ()
    """Reasons for which rows that say nothing are quarantined, as they should be."""

    def size(self) -> int:
        """Return how much there is to read where it fails."""
        return sum(len(data) for delivery in self.deliveries for data in delivery.files.values())

    def write(self, folder: Path) -> list[Path]:
        """Write every delivery into a folder of its own, and return what is to be imported."""
        paths = []
        for number, delivery in enumerate(self.deliveries):
            for name, data in delivery.files.items():
                path = folder / str(number) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            paths.append(folder / str(number) / delivery.name)
        return paths


Writer = Callable[[Any, int], Export]


def truth_of(shop: Shop, visitors: set[Person] | None = None, *, per_actor: bool = False) -> Truth:
    """Return what the orders of a shop say, and whom the export names."""
    orders = {order.number: TrueOrder(rows=order.rows(), person=order.person) for order in shop.orders}
    people = {order.person for order in shop.orders} | (visitors or set())
    return Truth(orders=orders, people=people, per_actor=per_actor)


def without_orders(orders: list[Order], numbers: set[str]) -> list[Order]:
    """Return the other orders."""
    return [order for order in orders if order.number not in numbers]
