"""Batches written as the event log writes them, and the marts read back."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.events import EVENT_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.marts import mart_names, open_marts
from shopsight.settings import Settings

Row = Mapping[str, Any]


def land(
    settings: Settings, batch: str, *, events: Iterable[Row] = (), items: Iterable[Row] = (), users: Iterable[Row] = ()
) -> None:
    """Write a batch as the event log does."""
    folder = settings.event_log_dir / "arrival_date=2026-03-01" / f"batch={batch}"
    (folder / "events").mkdir(parents=True)
    for path, rows, schema in (
        ("events/part-00000.parquet", events, EVENT_SCHEMA),
        ("items.parquet", items, ITEM_SCHEMA),
        ("users.parquet", users, USER_SCHEMA),
    ):
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), folder / path)


def read_marts(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return every exported mart by name, row for row."""
    with open_marts(settings) as connection:
        return {
            mart: connection.execute(f"select * from {mart} order by all").fetchall() for mart in mart_names(settings)
        }
