"""Looks a shopper's orders up in the warehouse's marts."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from models.assistant.orders import Order, OrderLine
from shopsight.marts import export_path, mart_at, mart_exists, open_duckdb
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

MAX_ORDERS: Final = 20
"""Orders of a shopper that are looked at, the newest."""


class WarehouseOrders:
    """Reads the marts ``orders`` and ``order_items`` when it is asked; ids of shoppers are made pseudonyms first."""

    def __init__(self, settings: Settings, title_of: Callable[[str], str | None]) -> None:
        """Take where the marts are.

        Args:
            settings: of the home.
            title_of: what an item is called; None of one that the catalogue has no more.
        """
        self._settings = settings
        self._title_of = title_of
        self._pseudonymiser: Pseudonymiser | None = None
        self._lock = threading.Lock()

    def pseudonym(self, user_id: str) -> str:
        """Return the id under which a shopper is stored."""
        with self._lock:
            if self._pseudonymiser is None:
                self._pseudonymiser = Pseudonymiser.from_settings(self._settings)
        return self._pseudonymiser.user(user_id)

    def orders_of(self, user_id: str) -> list[Order]:
        """Return a shopper's orders, the newest first; none where the warehouse has no orders yet."""
        paths = [export_path(self._settings, mart) for mart in ("orders", "order_items")]
        if not all(mart_exists(path) for path in paths):
            return []
        orders, lines = (mart_at(path).rows() for path in paths)
        with open_duckdb() as connection:
            rows = connection.sql(
                f"select * from ({orders}) where user_id = $shopper and ordered_at is not null "
                f"order by ordered_at desc, order_key limit {MAX_ORDERS}",
                params={"shopper": self.pseudonym(user_id)},
            ).to_arrow_table()
            items = connection.sql(
                f"select * from ({lines}) where order_key in (select unnest($keys::varchar[])) and quantity > 0 "
                "order by order_key, item_id",
                params={"keys": rows["order_key"].to_pylist()},
            ).to_arrow_table()
        of_orders: dict[str, list[dict[str, Any]]] = {}
        for line in items.to_pylist():
            of_orders.setdefault(line["order_key"], []).append(line)
        return [self._order(row, of_orders.get(row["order_key"], [])) for row in rows.to_pylist()]

    def _order(self, row: Mapping[str, Any], lines: list[dict[str, Any]]) -> Order:
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
                if line["item_id"] is not None
            ],
            total=None if row["gross_revenue"] is None else float(row["gross_revenue"]),
            currency=row["currency"],
            refunded=float(row["refunded_revenue"] or 0),
        )
