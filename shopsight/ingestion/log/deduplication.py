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
    parts = ", ".join(f"coalesce(\"{name}\"::varchar, '')" if name in given else "''" for name in IDENTITY.split())
    connection.register("nameless", events.select(["event_id", "source", "event_timestamp", *given]))
    hashes = connection.sql(
        f"select coalesce(event_id, md5(concat_ws(chr(31), source, epoch_us(event_timestamp), {parts}))) as event_id "
        "from nameless"
    ).to_arrow_table()
    connection.unregister("nameless")
    return events.set_column(0, events.schema.field("event_id"), hashes["event_id"])


def find_duplicates(
    connection: duckdb.DuckDBPyConnection, staged: Sequence[Path], log: Sequence[Path]
) -> Iterator[tuple[Path, NDArray[np.int64]]]:
    """Yield, for each staged file that has any, the row numbers (from 0) of its duplicates.

    Args:
        connection: a connection of its own, with a folder to spill to.
        staged: parts of the new batch, in order; of equal rows the first is kept.
        log: event files that are already in the log.
    """
    new, old = _scan(staged), _scan(log)
    hashes = connection.sql(f"select hash({KEY}) as hash from {new}").fetchnumpy()["hash"]
    hashes.sort()
    connection.register("repeated", pa.table({"hash": np.unique(hashes[1:][hashes[1:] == hashes[:-1]])}))
    connection.register("hashes", pa.table({"hash": hashes}))
    connection.execute("create temp table known (hash ubigint)")
    if log:
        connection.execute(
            f"insert into known select distinct hash({KEY}) from {old} where hash({KEY}) in (from hashes)"
        )
    connection.execute(f"""
        create temp table suspects as
        select {KEY}, list_position({_list(staged)}, filename) - 1 as part, file_row_number as row, hash({KEY}) as hash
        from {new} where hash({KEY}) in (from repeated union all from known)
    """)
    connection.execute(f"""
        create temp table duplicates as
        select part, row from suspects where hash in (from repeated)
        qualify row_number() over (partition by {KEY} order by part, row) > 1
    """)
    if log:
        connection.execute(f"""
            insert into duplicates
            select part, row from suspects semi join (from {old} where hash({KEY}) in (from known)) using ({KEY})
        """)
    for part, path in enumerate(staged):
        repeated_rows = connection.sql(f"select distinct row from duplicates where part = {part} order by row")
        rows = repeated_rows.fetchnumpy()["row"]
        if len(rows):
            yield path, np.asarray(rows, dtype=np.int64)


def _scan(files: Sequence[Path]) -> str:
    """Return SQL that reads event files, each row with its place."""
    return f"read_parquet({_list(files)}, file_row_number = true, filename = true, hive_partitioning = false)"


def _list(files: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"
