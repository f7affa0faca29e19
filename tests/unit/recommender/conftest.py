"""Marts written by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

START = datetime(2026, 1, 1, tzinfo=UTC)


def interactions_table(rows: list[tuple[str, str, str, float]]) -> pa.Table:
    """Return an interactions mart from (user, item, event name, days since START)."""
    seen: dict[str, int] = {}
    nth = [seen.setdefault(user, 0) or 0 for user, *_ in rows]
    for place, (user, *_) in enumerate(rows):
        seen[user] += 1
        nth[place] = seen[user]
    times = [START + timedelta(days=days) for *_, days in rows]
    return pa.table(
        {
            "user_id": pa.array([row[0] for row in rows], pa.string()),
            "item_id": pa.array([row[1] for row in rows], pa.string()),
            "event_name": pa.array([row[2] for row in rows], pa.string()),
            "event_timestamp": pa.array(times, pa.timestamp("us", tz="UTC")),
            "created_timestamp": pa.array(times, pa.timestamp("us", tz="UTC")),
            "session_id": pa.array([row[0] for row in rows], pa.string()),
            "price": pa.array([10.0] * len(rows), pa.float64()),
            "nth": pa.array(nth, pa.int64()),
        }
    )


def items_table(item_ids: list[str], *, unavailable: frozenset[str] = frozenset()) -> pa.Table:
    """Return an items mart; an item's aisle is its category."""
    return pa.table(
        {
            "item_id": pa.array(item_ids, pa.string()),
            "title": pa.array([f"Title of {item_id}" for item_id in item_ids], pa.string()),
            "category": pa.array([f"Aisles > {item_id.split('-')[0]}" for item_id in item_ids], pa.string()),
            "brand": pa.array([None] * len(item_ids), pa.string()),
            "price": pa.array([float(place) for place in range(len(item_ids))], pa.float64()),
            "is_available": pa.array([item_id not in unavailable for item_id in item_ids], pa.bool_()),
        }
    )


@pytest.fixture
def interactions_mart() -> Callable[..., pa.Table]:
    """See :func:`interactions_table`."""
    return interactions_table


@pytest.fixture
def items_mart() -> Callable[..., pa.Table]:
    """See :func:`items_table`."""
    return items_table
