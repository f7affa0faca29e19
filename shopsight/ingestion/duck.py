"""DuckDB connections for ingestion: in memory, in UTC, and bounded."""

import functools
import os
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

MEMORY_LIMIT: Final = "2GB"
"""What one database may hold; beyond it, it spills to its folder, or fails where it has none."""


def utc_connection(spill: Path | None = None, *, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Return a connection in UTC; what it registers and its temporary tables are its own.

    Args:
        spill: folder for what exceeds :data:`MEMORY_LIMIT`; it need not exist. With one, the database is of this
            connection alone.
        threads: one keeps rows in their order, which everything relies on that puts an answer beside the Arrow columns
            it was made from. With two, DuckDB 2.0 mixed up blocks of 122,880 rows, ``preserve_insertion_order`` or not.
    """
    is_shared = spill is None and threads == 1
    connection = _shared_database(os.getpid()).cursor() if is_shared else _database(spill, threads)
    # Not in the config: there it is read before ICU, which knows the time zones, is loaded.
    connection.execute("set TimeZone = 'UTC'")
    return connection


class StandingTable:
    """A view whose rows change while the statements over it stay prepared.

    DuckDB reads a registered object anew at each execution. Planning the rules of events takes 40 ms, running them over
    a hundred rows 9: who judges a hundred rows at a time cannot have them planned each time.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema) -> None:
        """Make the view ``name``, without rows; nothing else is to be registered on ``connection`` later."""
        self._schema = schema
        self._rows = schema.empty_table()
        connection.register(name, self)

    def put(self, rows: pa.Table) -> None:
        """Have the next statement read ``rows``."""
        self._rows = rows.cast(self._schema).combine_chunks()

    def __arrow_c_schema__(self) -> Any:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._rows.__arrow_c_stream__(requested_schema)


@functools.lru_cache(maxsize=1)
def _shared_database(_process: int) -> duckdb.DuckDBPyConnection:
    """Return this process's database, which takes 14 ms to make: an import opens half a dozen connections."""
    return _database(None, 1)


def _database(spill: Path | None, threads: int) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(spill or ""),
        "threads": threads,
    }
    return duckdb.connect(config=config)
