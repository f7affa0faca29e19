"""DuckDB connections for ingestion: in memory, in UTC, and bounded."""

from pathlib import Path
from typing import Final

import duckdb

MEMORY_LIMIT: Final = "2GB"
"""What one connection may hold; beyond it, it spills to its folder, or fails where it has none."""


def utc_connection(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Return a connection in UTC.

    Args:
        spill: Folder for what exceeds :data:`MEMORY_LIMIT`; it need not exist.
    """
    connection = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(spill or "")})
    # Not in the config: there it is read before ICU, which knows the time zones, is loaded.
    connection.execute("SET TimeZone = 'UTC'")
    return connection
