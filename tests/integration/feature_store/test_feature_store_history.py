import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from shopsight.contracts import (
    CATEGORY_PRICE_FEATURES,
    ITEM_FEATURES,
    ITEM_QUALITY_FEATURES,
    SESSION_FEATURES,
    SESSION_FLOW_FEATURES,
    SESSION_STATE,
    USER_CATEGORY_FEATURES,
    USER_FEATURES,
    USER_ORDER_HISTORY,
    USER_TASTE_FEATURES,
)
from shopsight.events import TIMESTAMP
from shopsight.families import FAMILIES
from shopsight.feature_store import (
    FeatureStoreNotReadyError,
    UnusableFeaturesError,
    apply_definitions,
    open_feature_store,
    training_set,
)
from shopsight.feature_store.connection import repository_config
from shopsight.feature_store.definitions import FEATURE_REPOSITORY, feature_repository
from shopsight.settings import REPO_ROOT, Settings

Row = dict[str, object]
WriteMart = Callable[[str, list[Row]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def user_day(user: str, known_at: datetime, events: int, *, arrived: datetime | None = None) -> Row:
    row = {
        "user_id": user,
        "feature_timestamp": known_at,
        "created_timestamp": arrived or known_at,
        "events_7d": events,
    }
    return {**row, "favourite_category": f"category {events}"}


def ask(home: Settings, rows: list[tuple[str, datetime]], columns: tuple[str, ...] = ("events_7d",)) -> pd.DataFrame:
    """Ask for user features through the service that has all of them; nothing is known of the session."""
    users = pa.array([user for user, _ in rows], pa.string())
    moments = pa.array([moment for _, moment in rows], TIMESTAMP)
    session = pa.array(["s_unknown"] * len(rows), pa.string())
    entities = pa.table({"user_id": users, "event_timestamp": moments, "nth": range(len(rows)), "session_id": session})
    frame = training_set(home, service="purchase_intent_v1", entities=entities, columns=columns)
    return frame.drop(columns="session_id")


def values(frame: pd.DataFrame, name: str = "events_7d") -> list[object]:
    return [None if pd.isna(value) else value for value in frame[name]]


@pytest.mark.usefixtures("home")
def test_the_definitions_have_the_names_of_the_contracts_and_say_what_they_are() -> None:
    from feast import Entity, FeatureService, FeatureView, OnDemandFeatureView
    from feast.data_source import DataSource

    with feature_repository() as modules:
        defined = {id(value): value for module in modules.values() for value in vars(module).values()}.values()
    views = [value for value in defined if isinstance(value, FeatureView)]
    names = {view.name: tuple(field.name for field in view.features) for view in views}
    assert names == {
        "user_features": USER_FEATURES,
        "user_history": ("item_ids", "event_names"),
        "user_purchases": ("bought_item_ids", "bought_us"),
        "item_features": ITEM_FEATURES,
        "session_features": SESSION_FEATURES,
        "utterance_text": ("text", "channel"),
        "user_taste": USER_TASTE_FEATURES,
        "user_category": USER_CATEGORY_FEATURES,
        "item_quality": ITEM_QUALITY_FEATURES,
        "category_prices": CATEGORY_PRICE_FEATURES,
        "session_flow": SESSION_FLOW_FEATURES,
        "session_state": SESSION_STATE,
        "user_order_history": USER_ORDER_HISTORY,
        "user_embedding": ("user_vector", "taste_group", "user_model_version"),
        "item_embedding": ("item_vector", "item_model_version"),
    }
    described = [v for v in defined if isinstance(v, (FeatureView, OnDemandFeatureView, FeatureService, Entity))]
    assert len(described) > len(views) + 6
    for value in described:
        assert value.description, value.name
        assert value.tags, value.name
        assert value.owner, value.name
    assert all(source.description and source.owner for source in defined if isinstance(source, DataSource))
    for view in views:
        assert view.ttl == timedelta(0)
        assert all(field.description for field in view.features), view.name
    services = [value for value in defined if isinstance(value, FeatureService)]
    assert {family.feature_service for family in FAMILIES.values()} <= {service.name for service in services}
    read = {projection.name for service in services for projection in service.feature_view_projections}
    assert "session_state" not in read, "it knows the end of the session"
    assert not set(modules) & set(sys.modules), "names as general as `entities` must not stay importable"
    assert str(FEATURE_REPOSITORY) not in sys.path


def test_applying_twice_is_applying_once_and_leaves_a_snapshot_that_readers_open(home: Settings) -> None:
    first, second = apply_definitions(home), apply_definitions(home)
    assert first == second
    assert second.removed == ()
    assert {family.feature_service for family in FAMILIES.values()} <= set(first.services)
    store = open_feature_store(home, read_only=True)
    on_demand = store.list_on_demand_feature_views()
    assert tuple(sorted(view.name for view in [*store.list_feature_views(), *on_demand])) == first.views
    sources = [view.batch_source.path for view in store.list_feature_views()]
    assert all(path.startswith(str(home.exports_dir.resolve())) for path in sources)


def test_a_view_that_is_no_longer_defined_leaves_the_registry(home: Settings) -> None:
    apply_definitions(home)
    store = open_feature_store(home)
    with feature_repository() as modules:
        old = modules["items"].item_features_view.with_name("left_over")
        old.name = "left_over"
    store.apply([old])
    assert apply_definitions(home).removed == ("left_over",)
    assert "left_over" not in {view.name for view in open_feature_store(home, read_only=True).list_feature_views()}


def test_feast_s_own_tools_see_the_same_stores_as_the_platform(home: Settings) -> None:
    from feast.repo_config import load_repo_config

    loaded = load_repo_config(REPO_ROOT / "feature_repo", REPO_ROOT / "feature_repo" / "feature_store.yaml")
    ours = repository_config(home, read_only=False)
    assert loaded.project == ours["project"]
    for store in ("registry", "offline_store", "online_store"):
        assert getattr(loaded, store).type if store != "registry" else True
        mine = {**ours[store]}
        theirs = getattr(loaded, {"registry": "registry_config"}.get(store, store.replace("_store", "_config")))
        assert theirs == mine


def test_before_anything_was_applied_the_error_says_what_to_do(home: Settings) -> None:
    with pytest.raises(FeatureStoreNotReadyError, match="run the features step"):
        ask(home, [("u_1", MONDAY)])
    assert not home.feature_store_dir.exists(), "a reader creates nothing"


@pytest.mark.usefixtures("write_mart")
def test_a_missing_mart_is_named(home: Settings) -> None:
    apply_definitions(home)
    (home.exports_dir / "user_features_daily.parquet").unlink()
    with pytest.raises(FeatureStoreNotReadyError, match=r"user_features_daily\.parquet"):
        ask(home, [("u_1", MONDAY)])


@pytest.mark.usefixtures("write_mart")
def test_an_empty_shop_gives_a_training_set_with_all_columns(home: Settings) -> None:
    apply_definitions(home)
    empty = pa.table({"session_id": [], "user_id": [], "event_timestamp": [], "purchased": []}).cast(
        pa.schema(
            [
                ("session_id", pa.string()),
                ("user_id", pa.string()),
                ("event_timestamp", TIMESTAMP),
                ("purchased", pa.bool_()),
            ]
        )
    )
    frame = training_set(home, service="purchase_intent_v1", entities=empty)
    assert list(frame.columns) == [*empty.column_names, *SESSION_FEATURES, *USER_FEATURES]
    assert len(frame) == 0
    assert values(ask(home, [("u_1", MONDAY), ("u_2", MONDAY)])) == [None, None], "rows, but nothing known"


def test_a_value_is_seen_from_the_microsecond_it_was_known(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    microsecond = timedelta(microseconds=1)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1), user_day("u_1", MONDAY + DAY, 2)])
    moments = [MONDAY - microsecond, MONDAY, MONDAY + DAY - microsecond, MONDAY + DAY, MONDAY + 99 * DAY]
    assert values(ask(home, [("u_1", moment) for moment in moments])) == [None, 1, 1, 2, 2]


def test_a_late_correction_is_not_seen_before_it_arrived(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    corrected = user_day("u_1", MONDAY, 5, arrived=MONDAY + 3 * DAY)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1), corrected, user_day("u_2", MONDAY, 7)])
    moments = [MONDAY + 2 * DAY, MONDAY + 3 * DAY, MONDAY + 4 * DAY]
    assert values(ask(home, [("u_1", moment) for moment in moments])) == [1, 5, 5]


def test_history_imported_without_arrival_times_counts_as_known_when_it_happened(
    home: Settings, write_mart: WriteMart, caplog: pytest.LogCaptureFixture
) -> None:
    apply_definitions(home)
    today = MONDAY + 800 * DAY
    write_mart("user_features_daily", [user_day("u_1", MONDAY + n * DAY, n, arrived=today) for n in range(5)])
    frame = ask(home, [("u_1", MONDAY + 2 * DAY), ("u_1", MONDAY - DAY)])
    assert values(frame) == [2, None]
    assert frame.attrs["imported_history"] == ["user_features"]
    assert "imported as history without arrival times" in caplog.text


def test_rows_keep_their_order_their_columns_and_their_doubles(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    write_mart("user_features_daily", [user_day(f"u_{n}", MONDAY, n) for n in range(50)])
    rng = random.Random(3)
    rows = [(f"u_{rng.randrange(60)}", MONDAY + rng.choice([-1, 0, 1]) * DAY) for _ in range(400)]
    frame = ask(home, rows, ("favourite_category", "events_7d"))
    assert list(frame.columns) == ["user_id", "event_timestamp", "nth", "favourite_category", "events_7d"]
    assert frame["nth"].tolist() == list(range(400))
    assert frame["user_id"].tolist() == [user for user, _ in rows]
    assert frame["event_timestamp"].tolist() == [pd.Timestamp(moment) for _, moment in rows]
    expected = [int(user[2:]) if int(user[2:]) < 50 and moment >= MONDAY else None for user, moment in rows]
    assert values(frame) == expected
    assert values(frame, "favourite_category") == [None if n is None else f"category {n}" for n in expected]


def test_a_row_without_a_user_keeps_its_place_with_nulls(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    write_mart("user_features_daily", [user_day("u_1", MONDAY, 1)])
    frame = pd.DataFrame({"user_id": ["u_1", None, "u_1"], "event_timestamp": [MONDAY, MONDAY, MONDAY + DAY]})
    frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], utc=True)
    joined = training_set(home, service="churn_v1", entities=frame, columns=["events_7d"])
    assert values(joined) == [1, None, 1]


def test_lists_come_back_as_they_were(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    row = {"user_id": "u_1", "feature_timestamp": MONDAY, "created_timestamp": MONDAY}
    write_mart("user_history_daily", [{**row, "item_ids": ["i_1", "i_2", "i_1"], "event_names": ["a", "b", "c"]}])
    entities = pa.table({"user_id": ["u_1"], "event_timestamp": pa.array([MONDAY], TIMESTAMP)})
    frame = training_set(home, service="recommender_v1", entities=entities, columns=("event_names", "item_ids"))
    assert list(frame["item_ids"][0]) == ["i_1", "i_2", "i_1"]
    assert list(frame["event_names"][0]) == ["a", "b", "c"]


def test_a_session_is_known_by_its_own_events_at_once_whatever_their_arrival(
    home: Settings, write_mart: WriteMart
) -> None:
    apply_definitions(home)
    minute, late = timedelta(minutes=1), MONDAY + DAY
    write_mart(
        "session_features",
        [
            {"session_id": "s_1", "event_timestamp": MONDAY + n * minute, "created_timestamp": late, "events_so_far": n}
            for n in range(3)
        ],
    )
    entities = pa.table(
        {
            "session_id": ["s_1", "s_1"],
            "user_id": ["u_1", "u_1"],
            "event_timestamp": pa.array([MONDAY + minute, MONDAY + 2 * minute], TIMESTAMP),
        }
    )
    frame = training_set(home, service="purchase_intent_v1", entities=entities, columns=["events_so_far"])
    assert values(frame, "events_so_far") == [1, 2]


@pytest.mark.usefixtures("write_mart")
def test_unknown_names_are_refused_with_the_known_ones(home: Settings) -> None:
    apply_definitions(home)
    with pytest.raises(UnusableFeaturesError, match="recommender_v1"):
        training_set(home, service="recommender_v9", entities=pa.table({"user_id": ["u_1"]}))
    with pytest.raises(UnusableFeaturesError, match="has no feature shoe_size"):
        ask(home, [("u_1", MONDAY)], ("shoe_size",))
    with pytest.raises(UnusableFeaturesError, match="has no entity column event_timestamp"):
        training_set(home, service="recommender_v1", entities=pa.table({"user_id": ["u_1"]}))


ORACLE = """
    SELECT (
        SELECT events_7d FROM history
        WHERE history.user_id = asked.user_id
          AND epoch_us(feature_timestamp) <= epoch_us(asked.event_timestamp)
          AND epoch_us(created_timestamp) <= epoch_us(asked.event_timestamp)
        ORDER BY feature_timestamp DESC, created_timestamp DESC LIMIT 1
    ) FROM asked ORDER BY nth
"""
ASOF = """
    SELECT history.events_7d FROM asked ASOF LEFT JOIN history
      ON history.user_id = asked.user_id AND asked.moment >= history.moment
    ORDER BY nth
"""


def test_random_histories_with_corrections_equal_a_brute_force_search(
    home: Settings, write_mart: WriteMart, random_user_days: Callable[[random.Random], list[Row]]
) -> None:
    """Also against DuckDB's own ASOF JOIN where nothing arrived late; 6 histories of up to 120 questions each."""
    apply_definitions(home)
    rng = random.Random(20260504)
    seen, withheld = 0, 0
    for _ in range(6):
        history = random_user_days(rng)
        write_mart("user_features_daily", history)
        moments = [row["feature_timestamp"] for row in history] + [row["created_timestamp"] for row in history]
        rows = [
            (
                f"u_{rng.randrange(5)}",
                cast(datetime, rng.choice(moments or [MONDAY])) + timedelta(microseconds=rng.choice([-1, 0, 1])),
            )
            for _ in range(rng.randint(40, 120))
        ]
        joined = values(ask(home, rows))
        with duckdb.connect() as connection:
            asked = pa.table(
                {
                    "user_id": [user for user, _ in rows],
                    "event_timestamp": pa.array([moment for _, moment in rows], TIMESTAMP),
                    "nth": range(len(rows)),
                }
            )
            path = str(home.exports_dir / "user_features_daily.parquet")
            connection.register("asked_arrow", asked)
            connection.execute("CREATE TABLE asked AS SELECT *, epoch_us(event_timestamp) AS moment FROM asked_arrow")
            connection.execute(
                "CREATE TABLE history AS SELECT *, epoch_us(feature_timestamp) AS moment FROM read_parquet(?)", [path]
            )
            expected = [row[0] for row in connection.execute(ORACLE).fetchall()]
            connection.execute("DELETE FROM history WHERE created_timestamp > feature_timestamp")
            connection.execute(
                "DELETE FROM history WHERE rowid NOT IN (SELECT arg_max(rowid, created_timestamp) FROM history "
                "GROUP BY user_id, moment)"
            )
            asof = [row[0] for row in connection.execute(ASOF).fetchall()]
        assert joined == expected
        seen += sum(value is not None for value in joined)
        withheld += sum(a != b for a, b in zip(asof, expected, strict=True))
    assert seen > 100
    assert withheld > 10, "corrections must have made a difference, or nothing was tested"


def test_random_histories_without_late_rows_equal_duckdb_s_asof_join(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    rng = random.Random(1)
    history = [user_day(f"u_{rng.randrange(30)}", MONDAY + n * timedelta(hours=1), n) for n in range(500)]
    write_mart("user_features_daily", history)
    rows = [(f"u_{rng.randrange(35)}", MONDAY + rng.randrange(600) * timedelta(hours=1)) for _ in range(3000)]
    with duckdb.connect() as connection:
        connection.register(
            "asked_arrow",
            pa.table(
                {
                    "user_id": [user for user, _ in rows],
                    "moment": [int(moment.timestamp() * 1e6) for _, moment in rows],
                    "nth": range(len(rows)),
                }
            ),
        )
        connection.execute("CREATE TABLE asked AS FROM asked_arrow")
        path = str(home.exports_dir / "user_features_daily.parquet")
        connection.execute(
            "CREATE TABLE history AS SELECT *, epoch_us(feature_timestamp) AS moment FROM read_parquet(?)", [path]
        )
        expected = [row[0] for row in connection.execute(ASOF).fetchall()]
    assert values(ask(home, rows)) == expected
    assert sum(value is not None for value in expected) > 2000
