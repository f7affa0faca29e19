"""Reads OTTO's sessions: a line is a session with its ``events`` (``aid``, ``ts`` in milliseconds, ``type``).

There are no users: the session is the visitor. What it orders in the same moment is one order.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from shopsight.ingestion.formats.translation import one_of
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import read_objects

EVENT_NAMES: Final = {"clicks": "view_item", "carts": "add_to_cart", "orders": "purchase"}
STRUCTURE: Final = '{"session": "varchar", "events": [{"aid": "varchar", "ts": "varchar", "type": "varchar"}]}'
QUERY: Final = f"""
    with sessions as (select row, json_transform(line, '{STRUCTURE}') as fields from objects),
    exploded as (
        select
            row,
            fields.session as visitor,
            -- A session without events gives one row without content, which is quarantined and so counted.
            unnest(case when len(fields.events) > 0 then fields.events else [null] end) as event,
            unnest(range(greatest(coalesce(len(fields.events), 0), 1))) as part
        from sessions
    )
    select
        row,
        part,
        {one_of("event.type", EVENT_NAMES)} as event_name,
        event.ts as event_timestamp,
        visitor as anonymous_id,
        visitor as session_id,
        event.aid as item_id,
        case when event.type = 'orders' then event.ts end as order_id
    from exploded
"""


def read_otto(path: Path) -> Iterator[RawChunk]:
    """Yield one row per event of each session, in canonical columns."""
    for chunk in read_objects(path, QUERY):
        yield replace(chunk, per_actor=("order_id",), arrived_when_happened=True)
