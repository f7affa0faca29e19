"""What live features gave answers, beside what training reads of the same second, in a shop that goes on for days."""

from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from serving.audit.skew import NEWER, NO_FEATURES, train_serve_skew
from serving.collector.following import Follower
from serving.features import feature_reader
from serving.recommender.visits import read_features
from shopsight.clock import rfc3339
from shopsight.contracts import USER_FEATURES
from shopsight.events import EVENT_SCHEMA
from shopsight.feature_store import apply_definitions, materialize
from shopsight.ingestion.collecting.records import ACCEPTED_SCHEMA
from shopsight.refusals import batch_files
from shopsight.sample_shop import SampleShopConfig, land_sample_shop
from shopsight.settings import Settings
from shopsight.warehouse import run_dbt

CONFIG = SampleShopConfig(users=200, items=120, events=20_000, days=20, block_events=5_000)
AFTER_ALL = datetime(2026, 11, 1, tzinfo=UTC)
MARTS = (
    *("users", "items", "identities", "orders", "sessions", "interactions", "user_features_daily"),
    *("user_history_daily", "user_purchases", "user_order_history_daily", "session_features"),
    "session_state_features",
)


@pytest.fixture
def rows(home: Settings) -> list[dict[str, Any]]:
    """Rows of answers that were given while a day's events arrived, in a home whose warehouse has taken them up since.

    The warehouse and the online store are of the evening before; of that day on, events move features as they come.
    """
    midnight = CONFIG.ends_at - timedelta(days=3)
    land_sample_shop(home, CONFIG, seed=3, received_at=midnight, arrived_before=midnight)
    _build(home)
    apply_definitions(home)
    materialize(home, until=midnight)
    land_sample_shop(home, CONFIG, seed=3, received_at=AFTER_ALL, arrived_from=midnight)
    answered = _answer_meanwhile(home, _arriving(home, midnight, midnight + timedelta(hours=22)))
    _build(home)
    return answered


def _build(home: Settings) -> None:
    run_dbt(home, "run", "--no-write-json", "--select", *(f"+{mart}" for mart in MARTS))


def _arriving(home: Settings, begin: datetime, end: datetime) -> pa.Table:
    """Return the events that arrived in a time, in that order, as a collector takes them."""
    files = batch_files(home, "events/*.parquet")
    events = pa.concat_tables([pq.read_table(file, schema=EVENT_SCHEMA, partitioning=None) for file in files])
    arrived = events["created_timestamp"]
    is_wanted = pc.and_(pc.greater_equal(arrived, begin), pc.less(arrived, end))
    return events.filter(is_wanted).sort_by([("created_timestamp", "ascending"), ("event_timestamp", "ascending")])


def _plain(events: pa.Table) -> set[str]:
    """Return the shoppers of whom the collector knows at once what the warehouse finds out later.

    Their events arrived in the order in which they happened, each with its session, and they were signed in all day: a
    visit before a login, or one that the shop gave no id, is stitched to its shopper and session by the warehouse.
    """
    last: dict[str, datetime] = {}
    others: set[str] = set()
    unsigned_devices: set[str] = set()
    devices: dict[str, set[str]] = defaultdict(set)
    for event in events.to_pylist():
        user, happened = event["user_id"], event["event_timestamp"]
        if user is None:
            unsigned_devices.add(event["anonymous_id"])
            continue
        devices[user].add(event["anonymous_id"])
        is_late = event["created_timestamp"] - happened > timedelta(minutes=1) or happened < last.get(user, happened)
        if is_late or event["session_id"] is None:
            others.add(user)
        last[user] = happened
    return {user for user in last if user not in others and not devices[user] & unsigned_devices}


def _answer_meanwhile(home: Settings, events: pa.Table) -> list[dict[str, Any]]:
    """Push the events as they arrive, and answer each group's shoppers and sessions a moment later."""
    answered: list[dict[str, Any]] = []
    reader = feature_reader(home)
    shoppers = _plain(events)
    hashes = [pa.array([0] * events.num_rows, pa.uint64())] * 2
    columns = dict(zip(EVENT_SCHEMA.names, events.columns, strict=True))
    accepted = pa.table(columns | {"event_hash": hashes[0], "content_hash": hashes[1]}).cast(ACCEPTED_SCHEMA)
    with closing(Follower(home, now=lambda: AFTER_ALL)) as follower:
        for group in accepted.combine_chunks().to_batches(max_chunksize=5):
            follower(group)
            at = max(group["created_timestamp"].to_pylist())
            here = sorted({user for user in group["user_id"].to_pylist() if user in shoppers})
            for user in reader.users_by_key(here, "recommender_v1").values():
                inputs = {"user_known": user.known, "features": read_features(user)}
                answered.append(_row("recommender", at, len(answered), user=user.user_key, inputs=inputs))
            sessions = dict(zip(group["user_id"].to_pylist(), group["session_id"].to_pylist(), strict=True))
            people = reader.users_by_key(here, "purchase_intent_v1")
            for user_key in here:
                session_id = sessions[user_key]
                session = None if session_id is None else reader.session(session_id, "purchase_intent_v1")
                if session is not None:
                    values = dict.fromkeys(USER_FEATURES) | dict(people[user_key].values) | dict(session.values)
                    result = {"user": user_key, "session": session_id, "features": values}
                    answered.append(_row("purchase_intent", at, len(answered), results=[result]))
        assert follower.notes() == []
    return answered


def _row(family: str, at: datetime, number: int, **values: Any) -> dict[str, Any]:
    name = "recommendation_id" if family == "recommender" else "prediction_id"
    return {name: f"answer {number}", "model": {"name": family}, "answered_at": rfc3339(at), **values}


@pytest.mark.slow
def test_live_features_are_what_training_reads_of_the_same_second_and_a_planted_difference_is_named(
    home: Settings, rows: list[dict[str, Any]]
) -> None:
    skew = train_serve_skew(rows, home)

    assert skew.features["recommender"]["item_ids"]["compared"] > 20
    assert skew.features["purchase_intent"]["events_so_far"]["compared"] > 15
    assert skew.differences == []
    assert skew.different == 0

    spoilt = next(row for row in rows if len(row.get("inputs", {}).get("features", {}).get("item_ids", ())) > 1)
    spoilt["inputs"]["features"]["item_ids"] = [*spoilt["inputs"]["features"]["item_ids"], "i_of_nobody"]
    skew = train_serve_skew(rows, home)

    assert skew.different == 1
    assert (skew.differences[0]["id"], skew.differences[0]["feature"]) == (spoilt["recommendation_id"], "item_ids")

    stranger = _row("recommender", CONFIG.ends_at - timedelta(days=2), 0, user=None, inputs={})
    newer = _row("recommender", AFTER_ALL, 1, user="u_1", inputs={"user_known": True, "features": {}})
    assert train_serve_skew([stranger, newer], home).not_compared == {NO_FEATURES: 1, NEWER: 1}
