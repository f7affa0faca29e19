"""The rows of a generated log: drawn from hashes, so that the same numbers give the same rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

EVENTS_PER_SESSION: Final = 10
EVENTS: Final = (Path(__file__).parent / "events.sql").read_text()

ITEMS: Final = """
select
    'item-' || i as item_id,
    'Item ' || i as title,
    null::varchar as description,
    'Department ' || i % 12 || ' > Shelf ' || i % 300 as category,
    'Brand ' || i % 40 as brand,
    cast(5 + i % 200 as decimal(18, 4)) as price,
    'EUR' as currency,
    'in stock' as availability,
    null::varchar as image_url,
    null::varchar as attributes,
    timestamptz '2026-01-01 00:00:00+00' as valid_from,
    null::timestamptz as valid_to,
    'generated' as source,
    timestamptz '2026-01-01 00:00:00+00' as created_timestamp
from range($items) as numbers (i)
"""

USERS: Final = """
select
    'u_' || i as user_id,
    timestamptz '2026-01-01 00:00:00+00' as created_at,
    null::varchar as age_band,
    null::varchar as gender,
    'DE' as country,
    case when i % 20 = 0 then 'none' else 'granted' end as consent,
    'generated' as source,
    timestamptz '2026-01-01 00:00:00+00' as created_timestamp
from range($users) as numbers (i)
"""


@dataclass(frozen=True, kw_only=True)
class GeneratedLog:
    """Ninety days of a shop, from 2026-01-01: sessions of ten events, ten sessions a shopper, 400 events an item."""

    events: int
    """Events that are asked for; a session that would not be whole is left out."""

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return self.events // EVENTS_PER_SESSION

    @property
    def users(self) -> int:
        """How many shoppers there are."""
        return max(self.sessions // 10, 10)

    @property
    def items(self) -> int:
        """How many items there are: two a shelf at least."""
        return max(self.events // 400, 600)

    def item_rows(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        """Return the catalogue; the connection's zone has to be UTC, as for the other rows."""
        return connection.sql(ITEMS, params={"items": self.items}).to_arrow_table()

    def user_rows(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        """Return the shoppers, of whom one in twenty refuses consent."""
        return connection.sql(USERS, params={"users": self.users}).to_arrow_table()

    def event_rows(self, connection: duckdb.DuckDBPyConnection, first: int, last: int) -> pa.Table:
        """Return the events of the sessions from number ``first`` to before ``last``."""
        return connection.sql(EVENTS, params=self.numbers(first, last)).to_arrow_table()

    def numbers(self, first: int, last: int) -> dict[str, int]:
        """Return what :data:`EVENTS` asks for, of the sessions from number ``first`` to before ``last``."""
        return {"first": first, "last": min(last, self.sessions), "users": self.users, "items": self.items}
