"""Reads the RetailRocket data set: ``timestamp,visitorid,event,itemid,transactionid``.

Times are in milliseconds; there are no sessions and no prices. Rows that repeat another in every column are one event
that was logged twice, so they count as duplicates.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from shopsight.ingestion.formats.tables import read_text_table
from shopsight.ingestion.formats.translation import translated
from shopsight.ingestion.readers.chunks import RawChunk

COLUMNS: Final = {
    "timestamp": "event_timestamp",
    "visitorid": "anonymous_id",
    "event": "event_name",
    "itemid": "item_id",
    "transactionid": "order_id",
}
EVENT_NAMES: Final = {"view": "view_item", "addtocart": "add_to_cart", "transaction": "purchase"}


def read_retailrocket(path: Path) -> Iterator[RawChunk]:
    """Yield the file's rows in canonical columns; an event of another name keeps it, and is quarantined for it."""
    for chunk in read_text_table(path, required=tuple(COLUMNS)):
        rows = chunk.rows.select(list(COLUMNS)).rename_columns(list(COLUMNS.values()))
        names = translated(rows["event_name"], EVENT_NAMES)
        rows = rows.set_column(rows.schema.get_field_index("event_name"), "event_name", names)
        yield replace(chunk, rows=rows, arrived_when_happened=True)
