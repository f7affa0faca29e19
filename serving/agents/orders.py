"""A shopper's orders as agents are told of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.agents.answers import Order, OrderLine, Orders
from serving.orders import OrderReader
from serving.storefront.goods import Goods
from shopsight.clock import rfc3339


def orders_of(reader: OrderReader, user_id: str, order_id: str | None, goods: Goods) -> Orders:
    """Return a shopper's orders, the newest first.

    Args:
        reader: of the marts.
        user_id: the shopper, as the shop calls them.
        order_id: of the one that is asked about; None: of all.
        goods: what the items are called.
    """
    rows = reader.of(user_id, order_id)
    as_of = None if rows.written_at is None else rfc3339(rows.written_at)
    return Orders(orders=[_order(row, lines, goods) for row, lines in rows.orders], as_of=as_of)


def _order(row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], goods: Goods) -> Order:
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
