"""DuckDB connections for ingestion: in memory, in UTC, and bounded."""

from pathlib import Path
from typing import Final

import duckdb

MEMORY_LIMIT: Final = "2GB"
"""What one connection may hold; beyond it, it spills to its folder, or fails where it has none."""


def utc_connection(spill: Path | None = None, *, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Return a connection in UTC.

    Args:
        spill: folder for what exceeds :data:`MEMORY_LIMIT`; it need not exist.
        threads: one keeps rows in their order, which everything relies on that puts an answer beside the Arrow columns
            it was made from. With two, DuckDB 2.0 mixed up blocks of 122,880 rows, ``preserve_insertion_order`` or not.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(spill or ""),
        "threads": threads,
    }
    connection = duckdb.connect(config=config)
    # Not in the config: there it is read before ICU, which knows the time zones, is loaded.
    connection.execute("set TimeZone = 'UTC'")
    return connection
