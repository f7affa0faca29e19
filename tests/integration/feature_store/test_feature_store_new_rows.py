"""Of a mart that is made of parts only what is new is read, and the store holds what a whole reading would leave."""

import random
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parted_marts import PartedMart

from shopsight.feature_store import (
    LiveEvent,
    LiveFeatures,
    OnlineFeatures,
    erase_online,
    materialize,
    open_feature_store,
)
from shopsight.feature_store.online_rows import EPOCH, MICROSECOND
from shopsight.feature_store.taken_up import TakenUp
from shopsight.marts import PARTS_FOLDER
from shopsight.settings import Settings

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = MONDAY + 90 * DAY
VIEW = "user_features"


@pytest.fixture
def days(shop: Settings) -> PartedMart:
    schema = pq.read_schema(shop.exports_dir / "user_features_daily.parquet")
    return PartedMart(shop, "user_features_daily", entity=("user_id", "feature_timestamp"), schema=schema)


def day(user: str, number: int, value: int, *, arrived: int = 0) -> dict[str, Any]:
    moment = MONDAY + number * DAY
    return {
        "user_id": user,
        "feature_timestamp": moment,
        "created_timestamp": moment - DAY + timedelta(seconds=arrived),
        "events_7d": value,
    }


def taken(user: str, number: int) -> tuple[str, datetime]:
    return user, MONDAY + number * DAY


def values_of(shop: Settings, *users: str) -> list[int | None]:
    rows = OnlineFeatures(shop).read(VIEW, [{"user_id": user} for user in users])
    return [row["events_7d"] for row in rows]


def bring(shop: Settings, until: datetime = LATER) -> int:
    return materialize(shop, until=until, views=[VIEW])[VIEW]


def permit(shop: Settings, refusing: set[str]) -> None:
    users = pa.table({"user_id": sorted(refusing), "consent": ["none"] * len(refusing)})
    pq.write_table(
        users.cast(pa.schema([("user_id", pa.string()), ("consent", pa.string())])), shop.exports_dir / "users.parquet"
    )


def noted(shop: Settings) -> TakenUp | None:
    store = open_feature_store(shop, read_only=True)
    (view,) = [view for view in store.list_feature_views() if view.name == VIEW]
    return TakenUp.read(store.provider.online_store.noted(store.config, view))  # type: ignore[attr-defined]


def test_parts_that_were_taken_up_are_not_read_again(shop: Settings, days: PartedMart) -> None:
    days.run([day(f"u_{number}", 0, number) for number in range(50)])
    assert bring(shop) == 50
    (shop.exports_dir / PARTS_FOLDER / days.parts[0]["file"]).write_bytes(b"no Parquet")
    days.run([day("u_3", 1, 33), day("u_new", 1, 7)])
    assert bring(shop) == 2
    assert bring(shop) == 0
    assert values_of(shop, "u_2", "u_3", "u_new") == [2, 33, 7]


def test_a_row_that_is_made_anew_with_the_same_moments_is_written_again(shop: Settings, days: PartedMart) -> None:
    days.run([day("u_1", 0, 1), day("u_2", 0, 2)])
    bring(shop)
    days.run([day("u_1", 0, 10)], deleted=[taken("u_1", 0)])
    assert bring(shop) == 1
    assert values_of(shop, "u_1", "u_2") == [10, 2]
    days.run([day("u_2", 0, 20)], deleted=[taken("u_2", 0)])
    days.merge()
    bring(shop)
    assert values_of(shop, "u_1", "u_2") == [10, 20]


@pytest.mark.parametrize("merged", [False, True])
def test_whose_newest_row_is_no_more_is_served_the_one_before_or_none(
    shop: Settings, days: PartedMart, merged: bool
) -> None:
    days.run([day("u_1", 0, 1), day("u_1", 5, 2), day("u_2", 3, 3), day("u_3", 9, 4)])
    bring(shop)
    days.run([day("u_1", 2, 5)], deleted=[taken("u_1", 5), taken("u_2", 3)])
    if merged:
        days.merge()
    bring(shop)
    assert values_of(shop, "u_1", "u_2", "u_3") == [5, None, 4]


def test_a_row_is_written_on_the_day_that_it_is_due_though_its_part_was_taken_up(
    shop: Settings, days: PartedMart
) -> None:
    days.run([day("u_1", 0, 1), day("u_1", 3, 2)])
    assert bring(shop, MONDAY + DAY) == 1
    assert bring(shop, MONDAY + 2 * DAY) == 0
    assert bring(shop, MONDAY + 3 * DAY) == 1
    assert values_of(shop, "u_1") == [2]


def test_a_store_that_lost_rows_is_filled_again(shop: Settings, days: PartedMart) -> None:
    days.run([day(f"u_{number}", 0, number) for number in range(9)])
    bring(shop)
    if shop.online_store == "sqlite":
        with closing(sqlite3.connect(shop.feature_store_dir / "online.db")) as connection, connection:
            connection.execute(f"delete from shopsight_{VIEW} where entity < 'u_5'")
    else:
        import redis

        redis.Redis.from_url(shop.online_store).flushdb()
    assert bring(shop) == 9
    assert values_of(shop, "u_1", "u_8") == [1, 8]


def test_who_permits_again_is_served_again_though_nothing_of_theirs_is_new(shop: Settings, days: PartedMart) -> None:
    days.run([day("u_1", 0, 1), day("u_2", 0, 2), day("u_3", 4, 3)])
    bring(shop)
    permit(shop, {"u_1"})
    bring(shop)
    assert values_of(shop, "u_1", "u_2") == [None, 2]
    permit(shop, set())
    bring(shop)
    assert values_of(shop, "u_1", "u_2") == [1, 2]


def test_who_was_erased_gets_the_newest_row_though_a_run_was_killed_after_an_older_one(
    shop: Settings, days: PartedMart
) -> None:
    days.run([day("u_1", 2, 1), day("u_1", 7, 2), *(day(f"u_{number}", 9, 3) for number in (2, 3, 4))])
    bring(shop)
    erase_online(shop, join_key="user_id", values=["u_1"])
    days.run([day("u_1", 2, 10)], deleted=[taken("u_1", 2)])
    with pytest.MonkeyPatch.context() as patch, suppress(KilledError):
        kill_at(patch, shop, 3)
        bring(shop)
    assert values_of(shop, "u_1") == [10]
    bring(shop)
    assert values_of(shop, "u_1", "u_2") == [2, 3]


def test_what_was_pushed_stays_where_its_session_is_made_anew_without_it(shop: Settings) -> None:
    schema = pq.read_schema(shop.exports_dir / "session_features.parquet")
    sessions = PartedMart(shop, "session_features", entity=("session_id",), schema=schema)
    times = {"event_timestamp": MONDAY, "created_timestamp": MONDAY}
    row = {"session_id": "s_1", "user_id": "u_1", "events_so_far": 1, **times}
    sessions.run([row])
    materialize(shop, until=LATER, views=["session_features"])
    event: dict[str, Any] = {"event_id": "e", "event_name": "view_item", "item_id": "i", "source": "shop"}
    pushed = [LiveEvent(session_id="s_1", user_id="u_1", event_timestamp=MONDAY + timedelta(minutes=1), **event)]
    LiveFeatures(shop).push(pushed, received_at=MONDAY + timedelta(minutes=1))
    ask = [{"session_id": "s_1"}]
    before = OnlineFeatures(shop).read("session_features", ask)
    sessions.run([{**row, "events_so_far": 2}], deleted=[("s_1",)])
    materialize(shop, until=LATER, views=["session_features"])
    assert OnlineFeatures(shop).read("session_features", ask) == before


class KilledError(Exception):
    """The end of a process."""


def kill_at(patch: pytest.MonkeyPatch, shop: Settings, number: int) -> None:
    """Have the n-th change of the online store end the process instead."""
    kind = type(open_feature_store(shop, read_only=True).provider.online_store)
    left = [number]
    for name in ("write_rows", "drop_rows", "note", "record_fields"):
        original = getattr(kind, name)

        def dying(*arguments: Any, original: Any = original, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            return original(*arguments, **named)

        patch.setattr(kind, name, dying)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 41))])
def test_after_any_changes_and_kills_the_store_holds_what_the_mart_says(
    shop: Settings, days: PartedMart, seed: int
) -> None:
    rng = random.Random(seed)
    users = [f"u_{number}" for number in range(12)]
    until, refusing = 6, set[str]()
    days.run([day(user, number, rng.randrange(1000)) for user in users[:8] for number in rng.sample(range(10), 4)])
    for step in range(14):
        if step:
            gone = rng.sample(sorted(days.live), rng.randint(0, min(6, len(days.live))))
            again = [key for key in gone if rng.random() < 0.6]
            made = {(user, number) for user in rng.sample(users, 2) for number in rng.sample(range(16), 2)}
            made |= {(user, (moment - MONDAY).days) for user, moment in again}
            fresh = {one for one in made if taken(*one) in gone or taken(*one) not in days.live}
            rows = [day(*one, rng.randrange(1000), arrived=rng.choice([0, 0, 60])) for one in sorted(fresh)]
            days.run(rows, deleted=gone)
            if rng.random() < 0.15:
                days.merge()
            until += rng.choice([0, 0, 1, 2])
            refusing ^= set(rng.sample(users, rng.choice([0, 0, 1])))
            permit(shop, refusing)
            if rng.random() < 0.2:
                erase_online(shop, join_key="user_id", values=rng.sample(users, 1))
        if rng.random() < 0.5:
            with pytest.MonkeyPatch.context() as patch, suppress(KilledError):
                kill_at(patch, shop, rng.randint(1, 5))
                bring(shop, MONDAY + until * DAY)
        bring(shop, MONDAY + until * DAY)
        newest: dict[str, tuple[datetime, datetime, int]] = {}
        for row in days.live.values():
            version = (row["feature_timestamp"], row["created_timestamp"], row["events_7d"])
            if row["user_id"] not in refusing and version[0] <= MONDAY + until * DAY:
                newest[row["user_id"]] = max(newest.get(row["user_id"], version), version)
        assert values_of(shop, *users) == [newest[user][2] if user in newest else None for user in users], step
        note = noted(shop)
        assert note is not None
        end = max((version[0] for version in newest.values()), default=None)
        assert note.data_end_us == (end and (end - EPOCH) // MICROSECOND), step
        assert {entity for _, entity in note.newest} <= newest.keys()
