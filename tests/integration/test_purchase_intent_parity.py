"""The mart that the model trains on and the function that a service calls compute one and the same shape."""

import math
from collections import defaultdict
from datetime import UTC, datetime

import duckdb
import pytest

from models.purchase_intent.features import SessionEvent, session_features
from shopsight.contracts import SESSION_FEATURES
from shopsight.marts import export_path, mart_at
from shopsight.sample_shop import SampleShopConfig, land_sample_shop
from shopsight.settings import Settings
from shopsight.warehouse import run_dbt

CONFIG = SampleShopConfig(users=150, items=150, events=6_000, days=30, block_events=3_000)


@pytest.mark.slow
def test_a_service_sees_the_sessions_that_the_model_was_trained_on(home: Settings) -> None:
    land_sample_shop(home, CONFIG, seed=3, received_at=datetime(2026, 11, 1, tzinfo=UTC))
    run_dbt(home, "run", "--no-write-json", "--select", "+session_features")
    with duckdb.connect(str(home.warehouse_path), read_only=True) as warehouse:
        warehouse.execute("set timezone = 'UTC'")
        events = warehouse.execute(
            "select session_id, event_name, event_timestamp, item_id, category, price "
            "from intermediate.int_personal_behaviour order by session_id, event_timestamp, event_id, line_number"
        ).fetchall()
        rows = warehouse.execute(
            f"select session_id, event_timestamp, {', '.join(SESSION_FEATURES)} "
            f"from ({mart_at(export_path(home, 'session_features')).rows()})"
        ).fetchall()
    sessions: dict[str, list[SessionEvent]] = defaultdict(list)
    for session_id, name, at, item_id, category, price in events:
        sessions[session_id].append(
            SessionEvent(
                event_name=name,
                event_timestamp=at,
                item_id=item_id,
                category=category,
                price=None if price is None else float(price),
            )
        )
    assert len(rows) > 3_000
    differences = []
    for session_id, at, *trained in rows:
        served = session_features([event for event in sessions[session_id] if event.event_timestamp <= at])
        for name, value in zip(SESSION_FEATURES, trained, strict=True):
            if not _same(value, served[name]):
                differences.append((session_id, at, name, value, served[name]))
    assert differences == []


def _same(trained: object, served: object) -> bool:
    if isinstance(trained, float) and isinstance(served, float):
        return math.isclose(trained, served, rel_tol=1e-9, abs_tol=1e-9)
    return trained == served
