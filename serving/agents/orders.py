"""Looks a shopper's orders up in the warehouse's marts."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from serving.agents.answers import Order, OrderLine, Orders
from serving.storefront.goods import Goods
from shopsight.clock import rfc3339
from shopsight.marts import export_path, mart_at, mart_exists, open_duckdb
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

MAX_ORDERS: Final = 20
"""Orders that are told of, the newest."""


class OrderReader:
    """Reads the marts ``orders`` and ``order_items`` when it is asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pseudonymiser: Pseudonymiser | None = None
        self._lock = threading.Lock()

    def of(self, user_id: str, order_id: str | None, goods: Goods) -> Orders:
        """Return a shopper's orders, the newest first.

        Args:
            user_id: the shopper, as the shop calls them.
            order_id: of the one that is asked about; None: of all.
            goods: what the items are called.
        """
        paths = [export_path(self._settings, mart) for mart in ("orders", "order_items")]
        if not all(mart_exists(path) for path in paths):
            return Orders(orders=[], as_of=None)
        orders, lines = (mart_at(path) for path in paths)
        one = "" if order_id is None else "and order_id = ? "
        with open_duckdb() as connection:
            rows = _rows(
                connection.sql(
                    f"select * from ({orders.rows()}) where user_id = ? and ordered_at is not null {one}"
                    f"order by ordered_at desc, order_key limit {MAX_ORDERS}",
                    params=[self._pseudonym(user_id), *([] if order_id is None else [order_id])],
                )
            )
            items = _rows(
                connection.sql(
                    f"select * from ({lines.rows()}) where order_key in (select unnest(?::varchar[])) "
                    "order by order_key, item_id",
                    params=[[row["order_key"] for row in rows]],
                )
            )
        as_of = datetime.fromtimestamp(orders.written_us() // 1_000_000, tz=UTC)
        return Orders(
            orders=[_order(row, [one for one in items if one["order_key"] == row["order_key"]], goods) for row in rows],
            as_of=rfc3339(as_of),
        )

    def _pseudonym(self, user_id: str) -> str:
        with self._lock:
            if self._pseudonymiser is None:
                self._pseudonymiser = Pseudonymiser.from_settings(self._settings)
            return self._pseudonymiser.user(user_id)


def _rows(relation: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = relation.to_arrow_table().to_pylist()
    return rows


def _order(row: Mapping[str, Any], lines: list[dict[str, Any]], goods: Goods) -> Order:
    quantity, refunded = row["quantity"] or 0, row["refunded_quantity"] or 0
    return Order(
        order_id=row["order_id"] or row["order_key"],
        ordered_at=rfc3339(row["ordered_at"].replace(microsecond=0)),
        status="placed" if not refunded else "refunded" if refunded >= quantity else "partly refunded",
        total=None if row["gross_revenue"] is None else float(row["gross_revenue"]),
        refunded=None if row["refunded_revenue"] is None else float(row["refunded_revenue"]),
        currency=row["currency"],
        lines=[
            OrderLine(
                item_id=line["item_id"],
                title=goods[line["item_id"]]["title"] if line["item_id"] in goods else None,
                quantity=line["quantity"] or 0,
                refunded_quantity=line["refunded_quantity"] or 0,
            )
            for line in lines
        ],
        sources=[
            f"orders:{row['order_key']}",
            *(f"order_items:{row['order_key']}:{line['item_id']}" for line in lines),
        ],
    )
