"""Finds the rows of a staged batch that are already in the log, or earlier in the same batch.

Two rows are the same event when (source, event_id, line_number) agree. Hashes of 64 bits find the few rows that may
have a twin, in eight bytes a row; only those are compared word for word, so that no chance collision loses an event.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

KEY: Final = "source, event_id, line_number"
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
    given = [name for name in IDENTITY.split() if events[name].null_count < events.num_rows]
    parts = ", ".join(f"coalesce(\"{name}\"::VARCHAR, '')" if name in given else "''" for name in IDENTITY.split())
    connection.register("nameless", events.select(["event_id", "source", "event_timestamp", *given]))
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
    new, old = _scan(staged), _scan(log)
    hashes = connection.sql(f"SELECT hash({KEY}) AS hash FROM {new}").fetchnumpy()["hash"]
    hashes.sort()
    connection.register("repeated", pa.table({"hash": np.unique(hashes[1:][hashes[1:] == hashes[:-1]])}))
    connection.register("hashes", pa.table({"hash": hashes}))
    connection.execute("CREATE TEMP TABLE known (hash UBIGINT)")
    if log:
        connection.execute(
            f"INSERT INTO known SELECT DISTINCT hash({KEY}) FROM {old} WHERE hash({KEY}) IN (FROM hashes)"
        )
    connection.execute(f"""
        CREATE TEMP TABLE suspects AS
        SELECT {KEY}, list_position({_list(staged)}, filename) - 1 AS part, file_row_number AS row, hash({KEY}) AS hash
        FROM {new} WHERE hash({KEY}) IN (FROM repeated UNION ALL FROM known)
    """)
    connection.execute(f"""
        CREATE TEMP TABLE duplicates AS
        SELECT part, row FROM suspects WHERE hash IN (FROM repeated)
        QUALIFY row_number() OVER (PARTITION BY {KEY} ORDER BY part, row) > 1
    """)
    if log:
        connection.execute(f"""
            INSERT INTO duplicates
            SELECT part, row FROM suspects SEMI JOIN (FROM {old} WHERE hash({KEY}) IN (FROM known)) USING ({KEY})
        """)
    for part, path in enumerate(staged):
        found = connection.sql(f"SELECT DISTINCT row FROM duplicates WHERE part = {part} ORDER BY row")
        rows = found.fetchnumpy()["row"]
        if len(rows):
            yield path, np.asarray(rows, dtype=np.int64)


def _scan(files: Sequence[Path]) -> str:
    """Return SQL that reads event files, each row with its place."""
    return f"read_parquet({_list(files)}, file_row_number = true, filename = true, hive_partitioning = false)"


def _list(files: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"
