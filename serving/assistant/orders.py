"""A shopper's orders as the assistant tells of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.assistant.orders import Order, OrderLine
from serving.orders import OrderReader
from shopsight.settings import Settings


class WarehouseOrders:
    """Orders out of the warehouse's marts, with what their items are called."""

    def __init__(self, settings: Settings, title_of: Callable[[str], str | None]) -> None:
        """Take where the marts are.

        Args:
            settings: of the home.
            title_of: what an item is called; None of one that the catalogue has no more.
        """
        self._reader = OrderReader(settings)
        self._title_of = title_of

    def pseudonym(self, user_id: str) -> str:
        """Return the id under which a shopper is stored."""
        return self._reader.pseudonym(user_id)

    def orders_of(self, user_id: str) -> list[Order]:
        """Return a shopper's orders, the newest first; none where the warehouse has no orders yet."""
        return [self._order(row, lines) for row, lines in self._reader.of(user_id).orders]

    def _order(self, row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Order:
        return Order(
            row=f"orders:{row['order_key']}",
            order_id=row["order_id"] or row["order_key"],
            ordered_on=row["ordered_on"],
            lines=[
                OrderLine(
                    row=f"order_items:{line['order_key']}:{line['item_id']}",
                    item_id=line["item_id"],
                    name=self._title_of(line["item_id"]) or line["item_id"],
                    quantity=line["quantity"],
                    amount=float(line["gross_revenue"]),
                )
                for line in lines
                if line["item_id"] is not None and (line["quantity"] or 0) > 0
            ],
            total=None if row["gross_revenue"] is None else float(row["gross_revenue"]),
            currency=row["currency"],
            refunded=float(row["refunded_revenue"] or 0),
        )
