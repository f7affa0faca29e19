"""Looks a shopper's orders up in the warehouse's marts: one reader for the assistant and for agents."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shopsight.marts import export_path, mart_at, mart_exists, open_duckdb
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

MAX_ORDERS: Final = 20
"""Orders of a shopper that are read, the newest."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class OrderRows:
    """A shopper's orders, as the marts have them."""

    orders: Sequence[tuple[Row, Sequence[Row]]] = ()
    """Rows of the mart ``orders``, the newest first, each with its rows of ``order_items``."""
    written_at: datetime | None = None
    """When the warehouse wrote them; None where it has no orders yet."""


class OrderReader:
    """Reads the marts ``orders`` and ``order_items`` when it is asked; ids of shoppers are made pseudonyms first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pseudonymiser: Pseudonymiser | None = None
        self._lock = threading.Lock()

    def pseudonym(self, user_id: str) -> str:
        """Return the id under which a shopper is stored."""
        with self._lock:
            if self._pseudonymiser is None:
                self._pseudonymiser = Pseudonymiser.from_settings(self._settings)
            return self._pseudonymiser.user(user_id)

    def of(self, user_id: str, order_id: str | None = None) -> OrderRows:
        """Return a shopper's newest orders, or the one that is named; none where the warehouse has no orders yet."""
        paths = [export_path(self._settings, mart) for mart in ("orders", "order_items")]
        if not all(mart_exists(path) for path in paths):
            return OrderRows()
        orders, lines = (mart_at(path) for path in paths)
        one = "" if order_id is None else "and order_id = $order_id "
        named = {} if order_id is None else {"order_id": order_id}
        with open_duckdb() as connection:
            rows = connection.sql(
                f"select * from ({orders.rows()}) where user_id = $shopper and ordered_at is not null {one}"
                f"order by ordered_at desc, order_key limit {MAX_ORDERS}",
                params={"shopper": self.pseudonym(user_id), **named},
            ).to_arrow_table()
            items = connection.sql(
                f"select * from ({lines.rows()}) where order_key in (select unnest($keys::varchar[])) "
                "order by order_key, item_id",
                params={"keys": rows["order_key"].to_pylist()},
            ).to_arrow_table()
        of_orders: dict[str, list[Row]] = {}
        for line in items.to_pylist():
            of_orders.setdefault(line["order_key"], []).append(line)
        return OrderRows(
            orders=[(row, of_orders.get(row["order_key"], [])) for row in rows.to_pylist()],
            written_at=datetime.fromtimestamp(orders.written_us() // 1_000_000, tz=UTC),
        )
