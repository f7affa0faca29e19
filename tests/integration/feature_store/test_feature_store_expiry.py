from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shopsight.feature_store import OnlineFeatures, materialize, open_feature_store
from shopsight.feature_store.online_rows import EPOCH, MICROSECOND, expiry
from shopsight.settings import Settings

Row = dict[str, Any]
WriteMart = Callable[[str, list[Row]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = MONDAY + 900 * DAY


def session(name: str, at: datetime, events: int = 1) -> Row:
    return {
        "session_id": name,
        "user_id": "u_1",
        "event_timestamp": at,
        "created_timestamp": at,
        "events_so_far": events,
    }


def events_of(settings: Settings, *sessions: str) -> list[int | None]:
    rows = OnlineFeatures(settings).read("session_features", [{"session_id": name} for name in sessions])
    return [row["events_so_far"] for row in rows]


def num_stored(settings: Settings) -> int:
    """How many sessions the store keeps, served or not."""
    if settings.online_store == "sqlite":
        import sqlite3

        connection = sqlite3.connect(settings.feature_store_dir / "online.db")
        (count,) = connection.execute('SELECT count(*) FROM "shopsight_session_features"').fetchone()
        connection.close()
        return int(count)
    import redis

    client = redis.Redis.from_url(settings.online_store)
    return sum(b"session_id" in key for key in client.scan_iter())


def test_a_session_is_served_for_thirty_days_beside_the_newest_one_whatever_the_clock_says(
    shop: Settings, write_mart: WriteMart
) -> None:
    days = [0, 29, 30, 59]
    write_mart("session_features", [session(f"s_{day}", MONDAY + day * DAY, day) for day in days])
    assert materialize(shop, until=LATER)["session_features"] == 3, "day 0 is too old to be written at all"
    assert events_of(shop, "s_0", "s_29", "s_30", "s_59") == [None, 29, 30, 59]
    assert materialize(shop, until=LATER)["session_features"] == 0


def test_a_newer_session_lets_the_old_ones_expire_on_read_and_materialising_deletes_them(
    shop: Settings, write_mart: WriteMart
) -> None:
    old = [session("s_1", MONDAY, 1), session("s_2", MONDAY + DAY, 2)]
    write_mart("session_features", old)
    materialize(shop, until=LATER)
    store = open_feature_store(shop, read_only=True)
    (view,) = [view for view in store.list_feature_views() if view.name == "session_features"]
    lifetime = expiry(view)
    assert lifetime == 30 * DAY
    at = (MONDAY + lifetime + DAY - EPOCH) // MICROSECOND
    nothing = [None] * (len(view.features) - 1)
    online = store.provider.online_store
    online.write_rows(store.config, view, [("s_3", at, at, 3, *nothing)], rewrite=False)  # type: ignore[attr-defined]
    assert events_of(shop, "s_1", "s_2", "s_3") == [None, 2, 3], "expired, though nobody deleted it yet"
    assert num_stored(shop) == 3
    write_mart("session_features", [*old, session("s_3", MONDAY + lifetime + DAY, 3)])
    assert materialize(shop, until=LATER)["session_features"] == 0
    assert num_stored(shop) == 2
    assert events_of(shop, "s_1", "s_2", "s_3") == [None, 2, 3]


def test_an_older_session_that_comes_late_does_not_turn_time_back(shop: Settings, write_mart: WriteMart) -> None:
    write_mart("session_features", [session("s_new", MONDAY + 60 * DAY)])
    materialize(shop, until=LATER)
    write_mart("session_features", [session("s_new", MONDAY + 60 * DAY), session("s_old", MONDAY)])
    materialize(shop, until=LATER)
    assert events_of(shop, "s_new", "s_old") == [1, None]


def test_users_do_not_expire(shop: Settings, write_mart: WriteMart) -> None:
    user_days = [{"user_id": f"u_{n}", "feature_timestamp": MONDAY + n * DAY, "events_7d": n} for n in (0, 800)]
    write_mart("user_features_daily", [{**row, "created_timestamp": row["feature_timestamp"]} for row in user_days])
    assert materialize(shop, until=LATER)["user_features"] == 2
    rows = OnlineFeatures(shop).read("user_features", [{"user_id": "u_0"}, {"user_id": "u_800"}])
    assert [row["events_7d"] for row in rows] == [0, 800]


@pytest.mark.parametrize("key", ["u_1", "", "Zoë", "x" * 300])
@pytest.mark.usefixtures("write_mart")
def test_rows_in_redis_have_feast_s_own_bytes(home: Settings, key: str) -> None:
    """Reading stays Feast's, so each value and each key must be what Feast would have written."""
    from feast.infra.online_stores.helpers import _redis_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    from shopsight.feature_store import apply_definitions
    from shopsight.feature_store.feast_values import to_value
    from shopsight.feature_store.redis_encoding import RowEncoder

    apply_definitions(home)
    store = open_feature_store(home, read_only=True)
    values: dict[str, list[Any]] = {
        "Int64": [0, 1, -1, 127, 128, 2**62, -(2**62), None],
        "Float64": [0.0, -0.0, 0.1, 1e308, -5e-324, None],
        "String": ["", "a", "Küche > 5", "y" * 127, "y" * 128, "z" * 5_000, None],
        "Array(String)": [[], ["i_1", ""], None],
        "Array(Float64)": [[0.1], [0.0, -5e-324, 1e308], None],
    }
    compared = 0
    for view in store.list_feature_views():
        encoder = RowEncoder(store.config, view)
        message = EntityKey(join_keys=view.join_keys, entity_values=[Value(string_val=key)] * len(view.join_keys))
        joined = "\x1f".join([key] * len(view.join_keys))
        assert encoder.key(joined) == _redis_key(store.config.project, message, 3)
        for nth in range(8):
            kinds = [values[str(field.dtype)] for field in view.features]
            row = (joined, 5_000_001, -7, *(kind[nth % len(kind)] for kind in kinds))
            assert encoder.values(row)[2:] == [to_value(value).SerializeToString() for value in row[3:]]
            assert encoder.row(joined, encoder.values(row)) == row
            compared += len(kinds)
    assert compared > 300
