"""Reads REES46's shop logs, a file a month: ``event_time,event_type,product_id`` and so on to ``user_session``.

A repeated ``cart`` or ``purchase`` row is another piece, for the log has no quantity; a repeated ``view`` is a second
report of the same view. There are no order ids: what is bought in one session is one order, and an item that is bought
in it again, whenever that was, is a further line of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.repeats import RepeatCounter
from shopsight.ingestion.formats.tables import read_text_table
from shopsight.ingestion.formats.translation import mapped, one_of
from shopsight.ingestion.readers.chunks import RawChunk

COLUMNS: Final = (
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id",
    "user_session",
)  # fmt: skip
EVENT_NAMES: Final = {
    "view": "view_item",
    "cart": "add_to_cart",
    "remove_from_cart": "remove_from_cart",
    "purchase": "purchase",
}
QUERY: Final = f"""
    select
        {one_of("event_type", EVENT_NAMES)} as event_name,
        event_time as event_timestamp,
        user_id,
        user_session as session_id,
        product_id as item_id,
        price,
        -- Where the session is missing, purchases of the same second are one order; the log adds the person.
        case when event_type = 'purchase' then coalesce(nullif(user_session, ''), event_time::varchar) end as order_id,
        replace(category_code, '.', ' > ') as category,
        brand,
        case when category_id <> '' then json_object('category_id', category_id)::varchar end as properties,
        event_type in ('cart', 'purchase') as is_counted,
        case when event_type = 'purchase' then hash(user_id, order_id, product_id) else hash({", ".join(COLUMNS)}) end
            as row_hash
    from native
"""


def read_rees46(path: Path) -> Iterator[RawChunk]:
    """Yield the file's rows in canonical columns; ``line_number`` tells repeated pieces apart."""
    repeats = RepeatCounter()
    with utc_connection() as connection:
        for chunk in read_text_table(path, required=COLUMNS):
            chunk = mapped(connection, chunk, QUERY)
            counted = chunk.rows["is_counted"].fill_null(False).to_numpy()
            line_numbers = np.zeros(chunk.rows.num_rows, dtype=np.int64)
            line_numbers[counted] = repeats.number(chunk.rows["row_hash"].to_numpy()[counted])
            rows = chunk.rows.drop_columns(["is_counted", "row_hash"])
            rows = rows.append_column("line_number", pa.array(line_numbers))
            yield replace(chunk, rows=rows, per_actor=("order_id",), arrived_when_happened=True)
