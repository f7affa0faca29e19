"""Finds the rows of a staged batch that are already in the log, or earlier in the same batch.

Two rows are the same event when (source, event_id, line_number) agree. The comparison runs over 128-bit hashes inside
DuckDB, which spills to disk: 100 million rows need 16 bytes each, and a false duplicate has probability 1e-23.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

KEY: Final = "md5_number(source || chr(31) || event_id || chr(31) || line_number::VARCHAR)"
IDENTITY: Final = (
    "event_name user_id anonymous_id session_id item_id order_id list_id query text quantity price value list_position"
)
"""What makes an event without an id itself, beside its time and source.

Where the design speaks of an ``nth`` among equal rows, the remaining columns tell rows apart instead: the same file in
another order then gives the same ids. So rows that agree in all of these are one event, sent twice.
"""


def with_event_ids(connection: duckdb.DuckDBPyConnection, events: pa.Table) -> pa.Table:
    """Give rows without ``event_id`` a hash of what they say.

    Actors must be pseudonyms by now: a hash of a raw id could be found by trying all ids.
    """
    if events["event_id"].null_count == 0:
        return events
    parts = ", ".join(f"coalesce(\"{name}\"::VARCHAR, '')" for name in IDENTITY.split())
    connection.register("nameless", events)
    hashes = connection.sql(
        f"SELECT coalesce(event_id, md5(concat_ws(chr(31), source, epoch_us(event_timestamp), {parts}))) AS event_id "
        "FROM nameless"
    ).to_arrow_table()
    connection.unregister("nameless")
    return events.set_column(0, events.schema.field("event_id"), hashes["event_id"])


def find_duplicates(
    connection: duckdb.DuckDBPyConnection, staged: Sequence[Path], log: Sequence[Path]
) -> Iterator[tuple[Path, NDArray[np.int64]]]:
    """Yield, for each staged file that has any, the row numbers (from 0) of its duplicates.

    Args:
        connection: A connection of its own, with a folder to spill to.
        staged: Parts of the new batch, in order; of equal rows the first is kept.
        log: Event files that are already in the log.
    """
    files = [str(path) for path in staged]
    connection.execute(
        f"CREATE TEMP TABLE staged AS "
        f"SELECT {KEY} AS key, list_position($files, filename) - 1 AS part, file_row_number AS row "
        "FROM read_parquet($files, file_row_number = true, filename = true, hive_partitioning = false)",
        {"files": files},
    )
    repeated = """
        SELECT part, row FROM staged JOIN (
            SELECT key, min((part, row)) AS first FROM staged GROUP BY key HAVING count(*) > 1
        ) AS firsts USING (key) WHERE (part, row) <> first
    """
    known = f"""
        SELECT part, row FROM staged JOIN (
            SELECT {KEY} AS key FROM read_parquet($log, hive_partitioning = false)
        ) AS log USING (key)
    """
    both = f"{repeated} UNION {known}" if log else repeated
    connection.execute(f"CREATE TEMP TABLE duplicates AS {both}", {"log": [str(path) for path in log]} if log else None)
    for part, path in enumerate(staged):
        rows = connection.sql(f"SELECT row FROM duplicates WHERE part = {part} ORDER BY row").fetchnumpy()["row"]
        if len(rows):
            yield path, np.asarray(rows, dtype=np.int64)
