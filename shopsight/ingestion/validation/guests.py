"""Gives an order without any identity an actor of its own, so that it counts for the shop and for no person."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ORDER_EVENTS: Final = pa.array(["purchase", "refund"])
PREFIX: Final = "order "
"""Stands before the order's id, so that no device of that name is taken for it."""


def with_orders_as_actors(columns: dict[str, pa.ChunkedArray]) -> NDArray[np.bool_] | None:
    """Fill ``anonymous_id`` of purchases and refunds that name an order and nobody, in place.

    Consent mode and guest checkouts send such orders: nothing ties two of them together, so each has its own actor.

    Args:
        columns: clean columns of events.

    Returns:
        Which rows were filled, or None where none was.
    """
    if "order_id" not in columns or not pa.types.is_string(columns["event_name"].type):
        return None
    is_guest = pc.and_(pc.is_in(columns["event_name"], value_set=ORDER_EVENTS), pc.is_valid(columns["order_id"]))
    for name in ("user_id", "anonymous_id"):
        if name in columns:
            is_guest = pc.and_(is_guest, pc.is_null(columns[name]))
    if not pc.any(is_guest, min_count=0).as_py():
        return None
    actors = pc.binary_join_element_wise(pa.scalar(PREFIX), columns["order_id"], "")
    given = columns.get("anonymous_id", pa.chunked_array([pa.nulls(len(is_guest), pa.string())]))
    columns["anonymous_id"] = pc.if_else(is_guest, actors, given)
    return np.asarray(is_guest.to_numpy(), dtype=np.bool_)
