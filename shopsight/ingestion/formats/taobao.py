"""Reads Taobao's UserBehavior: ``user,item,category,behaviour,second`` without a header.

The data set covers nine days of Chinese time (UTC+8). Stamps outside them (0.05% of the published file; some decades
off) are errors of the log, so they are quarantined: a single one would stretch the history by years.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.ingestion.formats.tables import read_text_table
from shopsight.ingestion.formats.translation import translated
from shopsight.ingestion.readers.chunks import RawChunk

COLUMNS: Final = ("user_id", "item_id", "category", "event_name", "event_timestamp")
EVENT_NAMES: Final = {"pv": "view_item", "fav": "add_to_wishlist", "cart": "add_to_cart", "buy": "purchase"}
CHINA: Final = timezone(timedelta(hours=8))
FIRST: Final = datetime(2017, 11, 25, tzinfo=CHINA)
END: Final = datetime(2017, 12, 4, tzinfo=CHINA)
OUTSIDE: Final = "event_timestamp_outside_the_data_set"


def read_taobao(path: Path) -> Iterator[RawChunk]:
    """Yield the file's rows in canonical columns.

    There are no orders: what a person buys in the same second is one.
    """
    for chunk in read_text_table(path, names=COLUMNS):
        rows = chunk.rows
        names = translated(rows["event_name"], EVENT_NAMES)
        orders = pc.if_else(pc.equal(names, "purchase"), rows["event_timestamp"], pa.scalar(None, pa.string()))
        rows = rows.set_column(COLUMNS.index("event_name"), "event_name", names).append_column("order_id", orders)
        yield replace(
            chunk,
            rows=rows,
            refused={OUTSIDE: _outside(rows["event_timestamp"])},
            per_actor=("order_id",),
            arrived_when_happened=True,
        )


def _outside(stamps: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return which stamps are whole seconds outside the nine days; what is no number, validation refuses."""
    digits = pc.match_substring_regex(stamps, r"^\d{1,11}$")
    seconds = pc.if_else(digits, stamps, str(int(FIRST.timestamp()))).cast(pa.int64()).to_numpy()
    outside: NDArray[np.bool_] = (seconds < FIRST.timestamp()) | (seconds >= END.timestamp())
    return outside
