"""Finds the rows of a staged batch that the log knows already, or that say something else of an event that it knows.

Two rows are the same event when they agree in :data:`KEY`. An ``event_id`` alone never makes them so, for the lines of
an exploded order, or a cart event and a purchase, may share one. Rows of one event that agree in all columns (but
``created_timestamp``) are duplicates; those that do not are versions of it, of which the newest counts.

A row that agrees with a logged one in two independent hashes of 64 bits, of its name and of what it says, is a
duplicate. Versions of one event are compared by name word for word, so that no chance collision loses an event; they
are few, for a hash of eight bytes a row finds them first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.events import EVENT_SCHEMA

SUSPECT: Final = "source, event_id, line_number"
"""Rows that differ in one of these are different events; in most files, so are all others."""
KEY: Final = f"{SUSPECT}, event_name, item_id, order_id"
"""What names an event."""
CONTENT: Final = ", ".join(name for name in EVENT_SCHEMA.names if name not in (*KEY.split(", "), "created_timestamp"))
"""What an event says: columns in which a second report that repeats the first agrees with it."""
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


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """The rows of a staged file that do not land, or do not land as new events."""

    path: Path
    dropped: NDArray[np.int64]
    """Row numbers (from 0) of rows to take out: duplicates, and versions that a later row of the batch corrects."""
    duplicates: int
    """Rows that repeat a version of an event that is known."""
    corrected: int
    """Rows that say something else of an event that is known; those of them that are newest land."""


def find_repeats(
    connection: duckdb.DuckDBPyConnection, staged: Sequence[Path], log: Sequence[Path]
) -> Iterator[Repeats]:
    """Yield, for each staged file that has any, its rows of events that are known.

    Args:
        connection: a connection of its own, with a folder to spill to.
        staged: parts of the new batch, in order; of equal rows the first is kept, and of the versions of an event that
            with the newest ``created_timestamp`` or, of those, the last.
        log: event files that are already in the log.
    """
    new, old = _scan(staged), _scan(log)
    hashes = connection.sql(f"select hash({SUSPECT}) as hash from {new}").fetchnumpy()["hash"]
    hashes.sort()
    connection.register("repeated", pa.table({"hash": np.unique(hashes[1:][hashes[1:] == hashes[:-1]])}))
    connection.register("hashes", pa.table({"hash": hashes}))
    connection.execute("create temp table known (hash ubigint)")
    if log:
        connection.execute(
            f"insert into known select distinct hash({SUSPECT}) from {old} where hash({SUSPECT}) in (from hashes)"
        )
    place = f"list_position({_list(staged)}, filename) - 1 as part, file_row_number as row"
    hashes_of = f"hash({KEY}) as event, hash({CONTENT}) as content"
    connection.execute(f"""
        create temp table suspects as
        select {hashes_of}, {place} from {new} where hash({SUSPECT}) in (from repeated union all from known)
    """)
    logged = f"select {hashes_of} from {old} where hash({SUSPECT}) in (from known)" if log else "from suspects limit 0"
    connection.execute(f"create temp table logged as select event, content from ({logged})")
    connection.execute("""
        create temp table marked as
        select *, exists (
            from logged where logged.event = suspects.event and logged.content = suspects.content
        ) as is_logged
        from suspects
    """)
    # A row that the log holds is a duplicate, and there is more to ask only where another version of its event comes
    # with it: so nothing is compared word for word, or sorted, when a whole file is imported again.
    connection.execute("create temp table fresh as select distinct event from marked where not is_logged")
    connection.execute(f"""
        create temp table contested as
        select {KEY}, created_timestamp, marked.content, marked.part, marked.row, marked.is_logged
        from (select *, {place} from {new} where hash({KEY}) in (from fresh)) as rows
        inner join marked on rows.part = marked.part and rows.row = marked.row
    """)
    versions = f"select {KEY} from {old} where hash({KEY}) in (from fresh) and hash({SUSPECT}) in (from known)"
    connection.execute(f"create temp table versions as {versions if log else f'select {KEY} from contested limit 0'}")
    connection.execute(f"""
        create temp table judged as
        with compared as (
            select *,
                exists (from versions where {_same_event("versions", "contested")}) as is_known,
                is_logged or row_number() over (partition by {KEY}, content order by part, row) > 1 as is_duplicate,
                last_value(content) over (
                    partition by {KEY} order by created_timestamp, part, row
                    rows between unbounded preceding and unbounded following
                ) as newest
            from contested
        )
        select part, row, is_duplicate,
            not is_duplicate and (
                is_known or row_number() over (partition by {KEY}, is_duplicate order by part, row) > 1
            ) as is_correction,
            is_duplicate or content <> newest as is_dropped
        from compared
        union all
        select part, row, true, false, true from marked where event not in (from fresh)
    """)
    for part, path in enumerate(staged):
        rows = connection.sql(
            f"select * from judged where part = {part} and (is_dropped or is_correction) order by row"
        ).fetchnumpy()
        if len(rows["row"]):
            yield Repeats(
                path=path,
                dropped=np.asarray(rows["row"][rows["is_dropped"]], dtype=np.int64),
                duplicates=int(np.count_nonzero(rows["is_duplicate"])),
                corrected=int(np.count_nonzero(rows["is_correction"])),
            )


def _same_event(one: str, other: str) -> str:
    """Return the SQL condition that two rows name one event."""
    return " and ".join(f"{one}.{name} is not distinct from {other}.{name}" for name in KEY.split(", "))


def _scan(files: Sequence[Path]) -> str:
    """Return SQL that reads event files, each row with its place."""
    return f"read_parquet({_list(files)}, file_row_number = true, filename = true, hive_partitioning = false)"


def _list(files: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"
