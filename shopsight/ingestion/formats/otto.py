"""Reads OTTO's sessions: a line is a session with its ``events`` (``aid``, ``ts`` in milliseconds, ``type``).

There are no users: the session is the visitor. What it orders in the same moment is one order.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from shopsight.ingestion.formats.translation import one_of
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import read_json_lines

EVENT_NAMES: Final = {"clicks": "view_item", "carts": "add_to_cart", "orders": "purchase"}
STRUCTURE: Final = '{"session": "VARCHAR", "events": [{"aid": "VARCHAR", "ts": "VARCHAR", "type": "VARCHAR"}]}'
QUERY: Final = f"""
    WITH sessions AS (SELECT row, json_transform(line, '{STRUCTURE}') AS fields FROM objects),
    exploded AS (
        SELECT
            row,
            fields.session AS visitor,
            -- A session without events gives one row without content, which is quarantined and so counted.
            unnest(CASE WHEN len(fields.events) > 0 THEN fields.events ELSE [NULL] END) AS event,
            unnest(range(greatest(coalesce(len(fields.events), 0), 1))) AS part
        FROM sessions
    )
    SELECT
        row,
        part,
        {one_of("event.type", EVENT_NAMES)} AS event_name,
        event.ts AS event_timestamp,
        visitor AS anonymous_id,
        visitor AS session_id,
        event.aid AS item_id,
        CASE WHEN event.type = 'orders' THEN event.ts END AS order_id
    FROM exploded
"""


def read_otto(path: Path) -> Iterator[RawChunk]:
    """Yield one row per event of each session, in canonical columns."""
    for chunk in read_json_lines(path, QUERY):
        yield replace(chunk, per_actor=("order_id",), arrived_when_happened=True)
