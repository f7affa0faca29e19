"""What leaves its mart leaves the online store, in SQLite and in Redis; who refuses is not even put there."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopsight.feature_store import LiveEvent, LiveFeatures, OnlineFeatures, WrittenState, erase_online, materialize
from shopsight.settings import Settings

WriteMart = Callable[[str, Iterable[dict[str, Any]]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
LATER = MONDAY + timedelta(days=100)


def day_of(user: str, **columns: Any) -> dict[str, Any]:
    return {"user_id": user, "feature_timestamp": MONDAY, "created_timestamp": MONDAY, **columns}


def session_of(user: str, session: str) -> dict[str, Any]:
    times = {"event_timestamp": MONDAY, "created_timestamp": MONDAY}
    return {"session_id": session, "user_id": user, "events_so_far": 1, **times}


def stored(shop: Settings, view: str, key: str, *names: str) -> list[str]:
    rows = OnlineFeatures(shop).read_dated(view, [{key: name} for name in names])
    return [name for name, row in zip(names, rows, strict=True) if row.as_of is not None]


def say(shop: Settings, consents: dict[str, str], sessions: dict[str, str]) -> None:
    """Write the two exports that say who permits what, and whose a session is."""
    users = {"user_id": list(consents), "consent": list(consents.values())}
    pq.write_table(pa.table(users), shop.exports_dir / "users.parquet")
    visits = {"session_id": list(sessions), "user_id": list(sessions.values())}
    pq.write_table(pa.table(visits), shop.exports_dir / "sessions.parquet")


def test_a_key_that_left_its_mart_leaves_the_store_and_no_other_view(shop: Settings, write_mart: WriteMart) -> None:
    users = [f"u_{number}" for number in range(2_500)]
    write_mart("user_features_daily", [day_of(user, events_7d=1) for user in users])
    write_mart("user_history_daily", [day_of(user, item_ids=["i"], event_names=["view_item"]) for user in users[:2]])
    materialize(shop, until=LATER)
    write_mart("user_features_daily", [day_of(user, events_7d=1) for user in users[1:]])
    materialize(shop, until=LATER)
    assert stored(shop, "user_features", "user_id", "u_0", "u_1", "u_2499") == ["u_1", "u_2499"]
    assert stored(shop, "user_history", "user_id", "u_0", "u_1") == ["u_0", "u_1"]


def test_a_value_that_is_not_due_yet_does_not_take_its_key_out(shop: Settings, write_mart: WriteMart) -> None:
    write_mart("user_features_daily", [day_of("u_1", events_7d=1)])
    materialize(shop, until=LATER)
    materialize(shop, until=MONDAY - timedelta(days=1))
    assert stored(shop, "user_features", "user_id", "u_1") == ["u_1"]


def test_what_was_pushed_after_the_mart_was_written_stays(shop: Settings, write_mart: WriteMart) -> None:
    write_mart("user_history_daily", [])
    now = datetime.now(UTC) + timedelta(seconds=1)
    event: dict[str, Any] = {
        "event_id": "e",
        "event_name": "view_item",
        "event_timestamp": now,
        "item_id": "i",
        "source": "shop",
    }
    LiveFeatures(shop).push([LiveEvent(session_id="s", user_id="u_new", **event)], received_at=now)
    materialize(shop, until=LATER)
    assert stored(shop, "user_history", "user_id", "u_new") == ["u_new"]


@pytest.mark.parametrize("consent", ["analytics_only", "none"])
def test_who_forbids_personal_use_is_taken_out_though_the_mart_is_older(
    shop: Settings, write_mart: WriteMart, consent: str
) -> None:
    write_mart("user_features_daily", [day_of(user, events_7d=1) for user in ("u_1", "u_2", "u_3")])
    write_mart("session_features", [session_of("u_1", "s_1"), session_of("u_2", "s_2")])
    say(shop, {"u_1": "granted", "u_2": "granted", "u_3": consent}, {"s_1": "u_1", "s_2": "u_2"})
    materialize(shop, until=LATER)
    say(shop, {"u_1": "granted", "u_2": consent, "u_3": consent}, {"s_1": "u_1", "s_2": "u_2"})
    materialize(shop, until=LATER)
    assert stored(shop, "user_features", "user_id", "u_1", "u_2", "u_3") == ["u_1"]
    assert stored(shop, "session_features", "session_id", "s_1", "s_2") == ["s_1"]


def test_who_forbids_personal_use_is_taken_out_though_a_push_brought_them(
    shop: Settings, write_mart: WriteMart
) -> None:
    write_mart("user_history_daily", [])
    now = datetime.now(UTC) + timedelta(seconds=1)
    event: dict[str, Any] = {
        "event_id": "e",
        "event_name": "view_item",
        "event_timestamp": now,
        "item_id": "i",
        "source": "shop",
    }
    LiveFeatures(shop).push([LiveEvent(session_id="s", user_id="u_1", **event)], received_at=now)
    say(shop, {"u_1": "none"}, {})
    materialize(shop, until=LATER)
    assert stored(shop, "user_history", "user_id", "u_1") == []


def test_erasing_all_who_stand_for_the_store_does_not_make_it_look_emptied(
    shop: Settings, write_mart: WriteMart
) -> None:
    write_mart("user_features_daily", [day_of("u_1", events_7d=1)])
    materialize(shop, until=LATER)
    before = WrittenState.read(shop.feature_store_dir)
    erase_online(shop, join_key="user_id", values=["u_1"])
    after = WrittenState.read(shop.feature_store_dir)
    assert (before and before.user_keys, after and after.user_keys) == (["u_1"], [])
