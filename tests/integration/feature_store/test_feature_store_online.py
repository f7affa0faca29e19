import contextlib
import math
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from shopsight.contracts import ITEM_FEATURES, SESSION_FEATURES, USER_FEATURES
from shopsight.feature_store import (
    FeatureStoreNotReadyError,
    OnlineFeatures,
    OnlineStoreUnavailableError,
    UnusableFeaturesError,
    WrittenState,
    apply_definitions,
    erase_online,
    materialize,
    open_feature_store,
)
from shopsight.feature_store.online_rows import MonotoneOnlineStore
from shopsight.settings import Settings

Row = dict[str, Any]
WriteMart = Callable[[str, list[Row]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = MONDAY + 90 * DAY


def user_day(user: str, known_at: datetime, events: int, *, arrived: datetime | None = None) -> Row:
    row = {
        "user_id": user,
        "feature_timestamp": known_at,
        "created_timestamp": arrived or known_at,
        "events_7d": events,
    }
    return {**row, "revenue_28d": events / 4, "favourite_category": f"Küche > {events}"}


def events_of(settings: Settings, *users: str) -> list[int | None]:
    rows = OnlineFeatures(settings).read("user_features", [{"user_id": user} for user in users])
    return [row["events_7d"] for row in rows]


def bytes_of(file: Path) -> int:
    """Return the size of a SQLite file with all that was written in it, 0 of none."""
    if not file.exists():
        return 0
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file.stat().st_size


def test_the_newest_row_of_each_entity_is_served_and_an_unknown_one_is_none(
    shop: Settings, write_mart: WriteMart, with_all_views_online: Path
) -> None:
    apply_definitions(shop, repository=with_all_views_online)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1), user_day("u_1", MONDAY + DAY, 2)])
    write_mart(
        "item_features_daily",
        [{"item_id": "i_1", "feature_timestamp": MONDAY, "created_timestamp": MONDAY, "popularity": 0.5}],
    )
    written = materialize(shop, until=LATER)
    assert {view for view, rows in written.items() if rows} == {"user_features", "item_features"}
    assert len(written) == 14
    assert written["user_embedding"] == 0, "no model was approved, so its file is not there yet"
    assert sum(written.values()) == 2
    online = OnlineFeatures(shop)
    newest, unknown = online.read("user_features", [{"user_id": "u_1"}, {"user_id": "u_9"}])
    assert set(newest) == {"user_id", *USER_FEATURES}
    assert (newest["events_7d"], newest["revenue_28d"], newest["favourite_category"]) == (2, 0.5, "Küche > 2")
    assert newest["orders_total"] is None
    assert unknown == {"user_id": "u_9", **dict.fromkeys(USER_FEATURES)}
    (item,) = online.read("item_features", [{"item_id": "i_1"}])
    assert set(item) == {"item_id", *ITEM_FEATURES}
    assert item["popularity"] == 0.5
    assert online.read("item_features", []) == []


def test_a_service_is_read_by_both_keys_of_a_shopper_at_once_and_says_of_when_it_is(
    shop: Settings, write_mart: WriteMart
) -> None:
    items, names = [f"i_{n}" for n in range(50)], ["view_item"] * 49 + ["purchase"]
    history = {"user_id": "a_1", "feature_timestamp": MONDAY + DAY, "created_timestamp": MONDAY + DAY}
    write_mart("user_history_daily", [{**history, "item_ids": items, "event_names": names}])
    write_mart("user_features_daily", [user_day("a_1", MONDAY, 3)])
    long_ago = {"user_id": "a_1", "feature_timestamp": MONDAY - 90 * DAY, "created_timestamp": MONDAY - 90 * DAY}
    write_mart("user_purchases", [{**long_ago, "bought_item_ids": ["i_3"], "bought_us": ["1600000000000000"]}])
    materialize(shop, until=LATER)
    online = OnlineFeatures(shop)
    user, visitor = online.read_dated("recommender_v1", [{"user_id": "u_1"}, {"user_id": "a_1"}])
    assert visitor.values["item_ids"] == items
    assert visitor.values["event_names"] == names
    assert visitor.values["favourite_category"] == "Küche > 3"
    assert visitor.values["bought_item_ids"] == ["i_3"]
    bought = {"bought_item_ids", "bought_us"}
    assert set(visitor.values) == {"user_id", "item_ids", "event_names", "favourite_category"} | bought
    assert visitor.as_of == MONDAY, "the older of the two views read whose rows age"
    assert user.as_of is None
    assert user.values["item_ids"] is None


def test_the_part_of_a_service_under_one_key_is_read_without_the_other_key(
    shop: Settings, write_mart: WriteMart
) -> None:
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 3)])
    write_mart("session_features", [{"session_id": "s_1", "event_timestamp": MONDAY + DAY, "carts_so_far": 2}])
    materialize(shop, until=LATER)
    online = OnlineFeatures(shop)
    (user,) = online.read_dated("purchase_intent_v1", [{"user_id": "u_1"}], key="user_id")
    assert (set(user.values), user.values["events_7d"]) == ({"user_id", *USER_FEATURES}, 3)
    (session,) = online.read_dated("purchase_intent_v1", [{"session_id": "s_1"}], key="session_id")
    assert set(session.values) == {"session_id", *SESSION_FEATURES}
    assert (session.values["carts_so_far"], session.as_of) == (2, MONDAY + DAY)
    with pytest.raises(UnusableFeaturesError, match="no features that are kept under 'item_id' alone"):
        online.read_dated("purchase_intent_v1", [{"item_id": "i_1"}], key="item_id")


def test_a_view_that_goes_offline_leaves_nothing_in_the_store(
    shop: Settings, write_mart: WriteMart, with_all_views_online: Path
) -> None:
    apply_definitions(shop, repository=with_all_views_online)
    items = [
        {"item_id": f"i_{n}", "feature_timestamp": MONDAY, "created_timestamp": MONDAY, "popularity": n / 7}
        for n in range(3_000)
    ]
    write_mart("item_features_daily", items)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1)])
    materialize(shop, until=LATER)
    store = open_feature_store(shop, read_only=True)
    (item_view,) = [view for view in store.list_feature_views() if view.name == "item_features"]
    file = shop.feature_store_dir / "online.db"
    before = bytes_of(file)
    apply_definitions(shop)
    assert "item_features" not in materialize(shop, until=LATER)
    assert cast(MonotoneOnlineStore, store.provider.online_store).held_fields(store.config, item_view) is None
    assert events_of(shop, "u_1") == [1]
    with pytest.raises(UnusableFeaturesError, match="item_features is kept offline only"):
        OnlineFeatures(shop).read("item_features", [{"item_id": "i_1"}])
    if shop.online_store == "sqlite":
        with sqlite3.connect(file) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
        assert "shopsight_item_features" not in tables
        assert bytes_of(file) < before / 2, "the bytes go back to the disk"


def test_a_second_run_writes_nothing_and_a_new_day_only_what_changed(shop: Settings, write_mart: WriteMart) -> None:
    days = [user_day(f"u_{n}", MONDAY, n) for n in range(20)]
    write_mart("user_features_daily", days)
    assert materialize(shop, until=LATER)["user_features"] == 20
    assert materialize(shop, until=LATER)["user_features"] == 0
    write_mart("user_features_daily", [*days, user_day("u_3", MONDAY + DAY, 33)])
    assert materialize(shop, until=LATER)["user_features"] == 1
    assert events_of(shop, "u_3", "u_4") == [33, 4]
    assert materialize(shop, until=LATER, rewrite=True)["user_features"] == 20


def test_values_known_later_than_asked_for_are_left_for_another_time(shop: Settings, write_mart: WriteMart) -> None:
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1), user_day("u_1", MONDAY + DAY, 2)])
    materialize(shop, until=MONDAY)
    assert events_of(shop, "u_1") == [1]
    materialize(shop, until=MONDAY + DAY)
    assert events_of(shop, "u_1") == [2]
    materialize(shop, until=MONDAY)
    assert events_of(shop, "u_1") == [2], "going back in time takes nothing back"
    with pytest.raises(ValueError, match="time zone"):
        materialize(shop, until=datetime(2026, 5, 4))


def test_a_late_correction_of_a_day_that_was_written_is_picked_up(shop: Settings, write_mart: WriteMart) -> None:
    first = [user_day("u_1", MONDAY, 1), user_day("u_2", MONDAY + 5 * DAY, 2)]
    write_mart("user_features_daily", first)
    materialize(shop, until=LATER)
    write_mart("user_features_daily", [*first, user_day("u_1", MONDAY, 10, arrived=MONDAY + 3 * DAY)])
    assert materialize(shop, until=LATER)["user_features"] == 1
    assert events_of(shop, "u_1", "u_2") == [10, 2]


def test_history_older_than_all_that_was_written_is_picked_up(shop: Settings, write_mart: WriteMart) -> None:
    first = [user_day("u_1", MONDAY, 1)]
    write_mart("user_features_daily", first)
    materialize(shop, until=LATER)
    write_mart("user_features_daily", [*first, user_day("u_old", MONDAY - 4000 * DAY, 7)])
    assert materialize(shop, until=LATER)["user_features"] == 1
    assert events_of(shop, "u_old") == [7]


def test_writers_that_race_leave_the_newest_row_whole(shop: Settings) -> None:
    """Feast's own way in (`write_to_online_store`), from three threads, each row older or newer at random."""
    import pandas as pd

    rng = random.Random(11)
    rows = [user_day(f"u_{n % 5}", MONDAY + timedelta(seconds=n // 5), n) for n in range(150)]
    rows += [{**row, "created_timestamp": MONDAY + DAY, "events_7d": row["events_7d"] + 1000} for row in rows[::7]]
    rng.shuffle(rows)

    def write(part: list[Row]) -> None:
        store = open_feature_store(shop, read_only=True)
        for start in range(0, len(part), 5):
            frame = pd.DataFrame([{**dict.fromkeys(USER_FEATURES), **row} for row in part[start : start + 5]])
            store.write_to_online_store("user_features", frame)

    with ThreadPoolExecutor(3) as pool:
        writes = [pool.submit(write, rows[n::3]) for n in range(3)]
    assert [one.exception() for one in writes] == [None] * 3
    for user in range(5):
        newest = max(
            (row for row in rows if row["user_id"] == f"u_{user}"),
            key=lambda row: (row["feature_timestamp"], row["created_timestamp"]),
        )
        (features,) = OnlineFeatures(shop).read("user_features", [{"user_id": f"u_{user}"}])
        assert features["events_7d"] == newest["events_7d"]
        assert features["favourite_category"] == newest["favourite_category"], "no mix of two rows"


def test_infinite_and_undefined_numbers_are_refused_with_their_place(shop: Settings, write_mart: WriteMart) -> None:
    for bad in (math.inf, -math.inf, math.nan):
        write_mart("user_features_daily", [user_day("u_1", MONDAY, 1) | {"mean_price_28d": bad}])
        with pytest.raises(UnusableFeaturesError, match=r"'mean_price_28d' of user_features_daily .* 'u_1'"):
            materialize(shop, until=LATER)
    assert events_of(shop, "u_1") == [None]


def test_an_erased_user_is_gone_from_every_view_of_users(shop: Settings, write_mart: WriteMart) -> None:
    write_mart("user_features_daily", [user_day(f"u_{n}", MONDAY, n) for n in range(3)])
    history = {"user_id": "u_1", "feature_timestamp": MONDAY, "created_timestamp": MONDAY}
    write_mart("user_history_daily", [{**history, "item_ids": ["i_secret"], "event_names": ["view_item"]}])
    materialize(shop, until=LATER)
    assert erase_online(shop, join_key="user_id", values=["u_1", "u_nobody"]) >= 1
    assert events_of(shop, "u_0", "u_1", "u_2") == [0, None, 2]
    (row,) = OnlineFeatures(shop).read("user_history", [{"user_id": "u_1"}])
    assert row["item_ids"] is None
    for file in shop.feature_store_dir.glob("online.db*"):
        assert b"i_secret" not in file.read_bytes(), "the bytes themselves are gone"


def test_unknown_names_and_missing_keys_are_refused(shop: Settings) -> None:
    online = OnlineFeatures(shop)
    with pytest.raises(UnusableFeaturesError, match="no feature service 'recommender_v9'"):
        online.read("recommender_v9", [{"user_id": "u_1"}])
    with pytest.raises(UnusableFeaturesError, match="need 'session_id' in every row"):
        online.read("purchase_intent_v1", [{"user_id": "u_1"}])
    with pytest.raises(UnusableFeaturesError, match="utterance_text is kept offline only"):
        online.read("intent_v1", [{"utterance_id": "t_1"}])


def test_a_view_with_a_new_field_is_written_again_whole(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1), user_day("u_2", MONDAY, 2)])
    materialize(home, until=LATER)
    with sqlite3.connect(home.feature_store_dir / "online.db") as connection:
        connection.execute('ALTER TABLE "shopsight_user_features" DROP COLUMN revenue_28d')
        connection.execute("UPDATE written_fields SET fields = 'events_7d Int64' WHERE view = 'user_features'")
    connection.close()
    apply_definitions(home)
    assert materialize(home, until=LATER)["user_features"] == 2
    (row,) = OnlineFeatures(home).read("user_features", [{"user_id": "u_2"}])
    assert row["revenue_28d"] == 0.5


@pytest.mark.usefixtures("write_mart")
def test_a_mart_that_lacks_a_column_or_is_missing_is_named(home: Settings) -> None:
    import pyarrow.parquet as pq

    apply_definitions(home)
    path = home.exports_dir / "user_features_daily.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["orders_total"]), path)
    with pytest.raises(UnusableFeaturesError, match=r"user_features_daily lacks orders_total"):
        materialize(home, until=LATER)
    path.unlink()
    with pytest.raises(FeatureStoreNotReadyError, match=r"user_features_daily\.parquet"):
        materialize(home, until=LATER)


def test_a_lost_online_store_is_named_and_filled_again(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1)])
    materialize(home, until=LATER)
    for file in home.feature_store_dir.glob("online.db*"):
        file.unlink()
    with pytest.raises(OnlineStoreUnavailableError, match=r"online\.db cannot be read"):
        events_of(home, "u_1")
    assert not (home.feature_store_dir / "online.db").exists(), "a reader creates nothing"
    apply_definitions(home)
    assert materialize(home, until=LATER)["user_features"] == 1
    assert events_of(home, "u_1") == [1]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://:secret@127.0.0.1:1/0", "Redis at 127.0.0.1:1 does not answer"),
        ("mongodb://127.0.0.1/0", "not one that can be opened"),
        ("redis://127.0.0.1:6379/first", "not one that can be opened"),
        ("redis://:with,comma@127.0.0.1:6379/0", "holds a comma"),
    ],
)
@pytest.mark.usefixtures("write_mart")
def test_an_online_store_that_cannot_be_used_is_named_with_the_fix_and_without_its_password(
    home: Settings, url: str, message: str
) -> None:
    apply_definitions(home)
    began = time.monotonic()
    with pytest.raises(OnlineStoreUnavailableError, match=message) as caught:
        events_of(home.model_copy(update={"online_store": url}), "u_1")
    assert time.monotonic() - began < 15
    assert "secret" not in str(caught.value)
    assert "with,comma" not in str(caught.value)
    assert caught.value.fix


def test_reading_from_many_threads_while_a_writer_works(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    write_mart("user_features_daily", [user_day(f"u_{n}", MONDAY, n) for n in range(200)])
    materialize(home, until=LATER)
    online, done = OnlineFeatures(home), threading.Event()

    def read(seed: int) -> None:
        rng = random.Random(seed)
        while not done.is_set():
            n = rng.randrange(200)
            (row,) = online.read("user_features", [{"user_id": f"u_{n}"}])
            assert row["events_7d"] == n
            assert row["favourite_category"] == f"Küche > {n}"

    with ThreadPoolExecutor(3) as pool:
        reads = [pool.submit(read, seed) for seed in range(3)]
        try:
            for _ in range(3):
                assert materialize(home, until=LATER, rewrite=True)["user_features"] == 200
        finally:
            done.set()
    assert [one.exception() for one in reads] == [None] * 3


def test_how_far_the_data_reach_and_some_shoppers_are_noted(
    shop: Settings, write_mart: WriteMart, with_all_views_online: Path
) -> None:
    apply_definitions(shop, repository=with_all_views_online)
    write_mart(
        "user_features_daily",
        [user_day(f"u_{number}", MONDAY + number * DAY, 1) for number in range(6)] + [user_day("u_9", LATER, 1)],
    )
    materialize(shop, until=LATER - DAY)
    state = WrittenState.read(shop.feature_store_dir)
    assert state is not None
    assert state.data_end == MONDAY + 5 * DAY
    assert state.shoppers["user_features"] == ["u_5", "u_4", "u_3"]


def test_a_store_file_that_was_replaced_is_read_in_place_of_the_old_one(
    home: Settings, write_mart: WriteMart, with_all_views_online: Path
) -> None:
    apply_definitions(home, repository=with_all_views_online)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1)])
    materialize(home, until=LATER)
    store = OnlineFeatures(home)
    ask = [{"user_id": "u_1"}]
    assert store.read("user_features", ask)[0]["events_7d"] == 1
    for file in home.feature_store_dir.glob("online.db*"):
        file.unlink()
    with pytest.raises(OnlineStoreUnavailableError):
        store.read("user_features", ask)
    apply_definitions(home, repository=with_all_views_online)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 7)])
    materialize(home, until=LATER)
    assert store.read("user_features", ask)[0]["events_7d"] == 7


@pytest.mark.parametrize("in_place", [True, False])
def test_a_damaged_store_is_unavailable_until_a_whole_one_is_there_again(
    home: Settings, write_mart: WriteMart, with_all_views_online: Path, in_place: bool
) -> None:
    apply_definitions(home, repository=with_all_views_online)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1)])
    materialize(home, until=LATER)
    path = home.feature_store_dir / "online.db"
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    whole = path.read_bytes()
    store = OnlineFeatures(home)
    ask = [{"user_id": "u_1"}]
    assert store.read("user_features", ask)[0]["events_7d"] == 1
    if not in_place:
        path.unlink()
    path.write_bytes(b"no database " * 1_000)
    if in_place:  # what SQLite has read already it may go on answering, and rightly
        with contextlib.suppress(OnlineStoreUnavailableError):
            assert store.read("user_features", ask)[0]["events_7d"] == 1
    else:
        for _ in range(2):
            with pytest.raises(OnlineStoreUnavailableError, match="database"):
                store.read("user_features", ask)
        path.unlink()
    path.write_bytes(whole)
    assert store.read("user_features", ask)[0]["events_7d"] == 1
