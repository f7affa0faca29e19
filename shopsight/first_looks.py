"""Reads from the marts what shoppers looked at first in a visit: what price sensitivity is estimated from."""

from typing import Final

import duckdb
import pyarrow as pa

_FIRST_LOOKS: Final = """
    select user_id, item_id, category, items.price
    from interactions inner join items using (item_id)
    where event_name = 'view_item' and category is not null
    qualify row_number() over (partition by user_id, session_id, item_id order by nth) = 1
    order by user_id, nth
"""


def read_first_looks(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return ``user_id, item_id, category, price`` of looks, a shopper's together and oldest first.

    An item counts once a visit.

    Args:
        connection: has the marts ``interactions`` and ``items``.
    """
    return connection.sql(_FIRST_LOOKS).to_arrow_table()
