"""Keeps of every accepted row what questions to the whole file need, in a Parquet file: memory stays bounded."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shopsight.events import EVENT_SCHEMA

COLUMNS: Final = (
    "event_name", "event_timestamp", "created_timestamp", "source", "user_id", "anonymous_id", "session_id", "order_id",
    "item_id", "quantity", "price", "currency", "value",
)  # fmt: skip
SCHEMA: Final = pa.schema(
    [
        pa.field("place", pa.int64()),
        pa.field("event_key", pa.uint64()),
        pa.field("content", pa.uint64()),
        *(EVENT_SCHEMA.field(name).with_nullable(True) for name in COLUMNS),
    ]
)
"""``event_key`` is a hash of the deduplication key, ``content`` of what an event with an id of its own says."""
LINE_BITS: Final = 40
"""A place is the number of the file and, in this many bits, the line."""
BOUGHT: Final = pa.array(["purchase", "refund"])


class KeptRows:
    """Writes rows while a file is read; :mod:`shopsight.ingestion.checks.asking` reads them afterwards."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[str] = []
        """Names of the files, in the order in which they were read."""
        self.given: set[str] = set()
        """Columns with a value in any row."""
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="lz4")

    def add(
        self,
        rows: pa.Table,
        *,
        file_name: str,
        lines: NDArray[np.int64],
        keys: NDArray[np.uint64],
        contents: NDArray[np.uint64] | None,
        has_arrivals: bool,
    ) -> None:
        """Keep the accepted rows of a chunk.

        Args:
            rows: typed events.
            file_name: where they stood.
            lines: line of each of them, from 1.
            keys: hash of the deduplication key of each.
            contents: hash of what each says; None where none came with an id.
            has_arrivals: whether the file says when its events were received.
        """
        if not self.files or self.files[-1] != file_name:
            self.files.append(file_name)
        is_bought = pc.is_in(rows["event_name"], value_set=BOUGHT)
        columns = {name: rows[name] for name in COLUMNS}
        if not has_arrivals:
            columns["created_timestamp"] = None
        if rows["price"].null_count == rows.num_rows:  # of items, only what is paid for is asked
            columns["item_id"] = pc.if_else(is_bought, rows["item_id"], pa.scalar(None, pa.string()))
        columns["place"] = pa.array((len(self.files) - 1 << LINE_BITS) + lines)
        columns["event_key"] = pa.array(keys, mask=~is_bought.to_numpy() if contents is None else None)
        columns["content"] = (
            None if contents is None else pa.array(contents, mask=rows["event_id"].is_null().to_numpy())
        )
        self.given |= {
            name for name, column in columns.items() if column is not None and column.null_count < len(column)
        }
        arrays = [pa.nulls(rows.num_rows, f.type) if columns[f.name] is None else columns[f.name] for f in SCHEMA]
        self._writer.write_table(pa.table(arrays, schema=SCHEMA))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
