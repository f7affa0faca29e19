"""What the marts hold, told on one small history that is known to the row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from batches import Row, land

from shopsight.contracts import (
    EXPORTED_MARTS,
    HISTORY_LENGTH,
    INTENTS,
    ITEM_FEATURES,
    PURCHASES_LENGTH,
    SESSION_FEATURES,
    USER_FEATURES,
)
from shopsight.events import EVENT_SCHEMA, TIMESTAMP
from shopsight.ingestion.importers import import_file
from shopsight.marts import export_path, mart_at, open_marts
from shopsight.settings import REPO_ROOT, Settings, prepare_environment
from shopsight.warehouse import DBT_PROJECT_DIR, DbtError, run_dbt

DAY = datetime(2026, 1, 1, tzinfo=UTC)
ANONYMOUS = ("sessions", "interactions", "users", "session_features")
"""Marts that a log of anonymous visitors is asked about."""
KEYS = {
    "user_features_daily": ("user_id", "feature_timestamp", "created_timestamp"),
    "item_features_daily": ("item_id", "feature_timestamp", "created_timestamp"),
    "session_features": ("session_id", "user_id", "event_timestamp", "created_timestamp"),
}


class Shop:
    """Collects rows; an event arrives a second after it happened."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def event(self, actor: str, name: str, at: timedelta, **columns: Any) -> None:
        who = "user_id" if actor.startswith("u_") else "anonymous_id"
        row = {
            # Against the order of time, so that whatever sorts by id alone gives itself away.
            "event_id": f"e{9999 - len(self.rows)}",
            "line_number": 0,
            "event_name": name,
            "event_timestamp": DAY + at,
            "created_timestamp": DAY + at + timedelta(seconds=1),
            who: actor,
            "consent": "granted",
            "source": "shop",
        }
        self.rows.append(row | columns)


def hours(value: float) -> timedelta:
    return timedelta(hours=value)


def a_history() -> list[Row]:
    shop = Shop()
    # Ann browses unknown before midnight, goes on after it, and logs in on the third day.
    shop.event("a_ann", "search", hours(23.5), query="red lamp")
    shop.event("a_ann", "view_item", hours(23.9), item_id="lamp", price=20, category="Home > Lamps")
    shop.event("a_ann", "view_item", hours(24.1), item_id="rug", price=40, category="Home > Rugs")
    shop.event("u_ann", "page_view", hours(60), anonymous_id="a_ann")
    # Bob buys two kinds in one order, then one thing without an order id, in a session that the shop names.
    shop.event("u_bob", "view_item", hours(10), item_id="lamp", session_id="bob-1", channel="email", price=20)
    shop.event("u_bob", "add_to_cart", hours(10.1), item_id="lamp", session_id="bob-1", price=20, device="mobile")
    shop.event("u_bob", "begin_checkout", hours(10.2), session_id="bob-1")
    shop.event("u_bob", "view_item", hours(10.25), item_id="rug", session_id="bob-1")
    bought = {"session_id": "bob-1", "order_id": "o1"}
    shop.event("u_bob", "purchase", hours(10.3), item_id="lamp", quantity=2, price=20, event_id="order", **bought)
    shop.event("u_bob", "purchase", hours(10.3), item_id="mug", line_number=1, price=5, event_id="order", **bought)
    shop.event("u_bob", "purchase", hours(10.4), item_id="mug", session_id="bob-1", price=5)
    shop.event("u_bob", "rate_item", hours(200), item_id="lamp", value=4, text="bright enough")
    shop.event(
        "u_bob", "ask_question", hours(201), text="or the oak one?", properties='{"intent_label": "compare_product"}'
    )
    # Two people share a tablet; somebody withholds consent; something clicks twice a second.
    shop.event("a_tablet", "view_item", hours(30), item_id="rug")
    shop.event("u_ann", "page_view", hours(31), anonymous_id="a_tablet")
    shop.event("u_bob", "page_view", hours(32), anonymous_id="a_tablet")
    shop.event("a_shy", "view_item", hours(5), item_id="lamp", consent="none")
    for number in range(70):
        shop.event("a_bot", "view_item", hours(6) + timedelta(seconds=number / 2), item_id="lamp")
    # Carla has a long history.
    for number in range(HISTORY_LENGTH + 10):
        shop.event("u_carla", "view_item", hours(100) + timedelta(minutes=number), item_id=f"c{number:02}")
    shop.event("u_carla", "view_item", hours(300), item_id="mug")
    return shop.rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts by name."""
    settings = Settings(home=tmp_path_factory.mktemp("marts") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(settings.home))
        prepare_environment(settings)
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            land(settings, "genesis")
            land(
                settings,
                "first",
                events=a_history(),
                items=[
                    {"item_id": "lamp", "title": "Red lamp", "price": 21, "valid_from": DAY, **ARRIVED},
                    {"item_id": "lamp", "title": "Lamp", "price": 19, "valid_from": DAY - hours(1), **ARRIVED},
                    {"item_id": "rug", "title": "Rug", "availability": "out of stock", **ARRIVED},
                    {"item_id": "sofa", "title": "Sofa", "valid_to": DAY + hours(2), **ARRIVED},
                ],
                users=[
                    {"user_id": "u_dora", "country": "SE", **ARRIVED},
                    {"user_id": "u_ann", "country": "DE", **ARRIVED},
                ],
            )
            run_dbt(settings, "run", "--no-write-json")
            for mart in EXPORTED_MARTS:
                connection.execute(f"create view {mart} as {mart_at(export_path(settings, mart)).rows()}")
            yield connection


ARRIVED = {"source": "shop", "created_timestamp": DAY}


def rows(shop: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return shop.execute(query).fetchall()


@pytest.mark.slow
def test_dbts_own_tests_of_the_data_and_of_the_models_pass(dbt_home: Settings) -> None:
    land(dbt_home, "first", events=a_history(), users=[{"user_id": "u_dora", "country": "SE", **ARRIVED}])
    run_dbt(dbt_home, "build")


@pytest.mark.slow
def test_an_empty_log_makes_empty_marts_of_the_same_columns(
    shop: duckdb.DuckDBPyConnection, dbt_home: Settings
) -> None:
    land(dbt_home, "genesis")
    run_dbt(dbt_home, "run", "--no-write-json")
    with open_marts(dbt_home) as empty:
        for mart in EXPORTED_MARTS:
            assert rows(empty, f"select count(*) from {mart}") == [(0,)]
            assert rows(empty, f"describe {mart}") == rows(shop, f"describe {mart}"), mart


@pytest.mark.parametrize(
    ("mart", "features"),
    [
        ("user_features_daily", USER_FEATURES),
        ("item_features_daily", ITEM_FEATURES),
        ("session_features", SESSION_FEATURES),
    ],
)
def test_a_feature_mart_has_the_contracts_columns(
    shop: duckdb.DuckDBPyConnection, mart: str, features: tuple[str, ...]
) -> None:
    assert tuple(column[0] for column in rows(shop, f"describe {mart}")) == KEYS[mart] + features


@pytest.mark.parametrize("mart", EXPORTED_MARTS)
def test_exported_times_are_utc_microseconds(shop: duckdb.DuckDBPyConnection, mart: str) -> None:
    schema = shop.sql(f"from {mart}").to_arrow_table().schema
    times = [field.type for field in schema if pa.types.is_timestamp(field.type)]
    assert set(times) == {TIMESTAMP}, "every exported mart has a time"


def test_an_anonymous_visit_becomes_the_users_who_logged_in_later(shop: duckdb.DuckDBPyConnection) -> None:
    interactions = rows(
        shop, "select item_id, user_id from interactions where user_id in ('u_ann', 'a_ann') order by nth"
    )
    assert interactions == [("lamp", "u_ann"), ("rug", "u_ann")]


def test_features_of_stitched_visits_count_as_known_only_from_the_login_on(shop: duckdb.DuckDBPyConnection) -> None:
    earliest = rows(shop, "select min(created_timestamp) from user_features_daily where user_id = 'u_ann'")
    assert earliest == [(DAY + hours(60) + timedelta(seconds=1),)]


def test_an_id_that_two_users_share_stays_anonymous(shop: duckdb.DuckDBPyConnection) -> None:
    assert rows(
        shop, "select user_id from interactions where session_id like 's_%' and item_id = 'rug' and nth = 1"
    ) == [("a_tablet",)]


def test_midnight_does_not_end_a_session_and_a_session_counts_once(shop: duckdb.DuckDBPyConnection) -> None:
    sessions = rows(
        shop, "select events, duration_seconds from sessions where user_id = 'u_ann' order by started_at limit 1"
    )
    assert sessions == [(3, pytest.approx(0.6 * 3600))]
    counts = rows(
        shop,
        "select feature_timestamp, events_7d, sessions_28d from user_features_daily "
        "where user_id = 'u_ann' order by feature_timestamp",
    )
    assert counts == [
        (DAY + hours(24), 2, 1),
        (DAY + hours(48), 4, 2),
        (DAY + hours(72), 5, 3),
    ]


def test_a_session_sums_up_what_was_bought(shop: duckdb.DuckDBPyConnection) -> None:
    query = "select user_id, events, views, carts, purchases, revenue, channel, device, converted from sessions"
    assert rows(shop, f"{query} where session_id = 'bob-1'") == [
        ("u_bob", 7, 2, 1, 3, 50.0, "email", "mobile", True),
    ]


def test_orders_are_counted_by_order_id_and_else_by_purchase(shop: duckdb.DuckDBPyConnection) -> None:
    assert rows(shop, "select orders, revenue, segment from users where user_id = 'u_bob'") == [(2, 50.0, "loyal")]
    assert rows(
        shop,
        "select orders_total, purchases_28d, revenue_28d, round(days_since_last_order * 24, 3) "
        "from user_features_daily where user_id = 'u_bob' order by feature_timestamp limit 1",
    ) == [(2, 3, 50.0, 13.6)]


def test_session_features_end_before_the_checkout(shop: duckdb.DuckDBPyConnection) -> None:
    features = rows(
        shop,
        "select events_so_far, carts_so_far, distinct_items_so_far, seconds_since_start, seconds_since_last_event, "
        "mean_price_so_far, hour_of_day, day_of_week, last_event_name from session_features "
        "where session_id = 'bob-1' order by event_timestamp",
    )
    assert features == [
        (1, 0, 1, 0.0, 0.0, 20.0, 10, 4, "view_item"),
        (2, 1, 1, 360.0, 360.0, 20.0, 10, 4, "add_to_cart"),
    ]
    labels = rows(shop, "select position, purchased from session_labels where session_id = 'bob-1' order by position")
    assert labels == [(1, True), (2, True)]


def test_a_session_that_may_still_go_on_has_features_and_no_label(shop: duckdb.DuckDBPyConnection) -> None:
    unlabelled = "select user_id, last_event_name from session_features anti join session_labels using (session_id)"
    assert rows(shop, unlabelled) == [("u_carla", "view_item")]


def test_bots_and_those_without_consent_are_counted_but_not_learnt_from(shop: duckdb.DuckDBPyConnection) -> None:
    left_out = "('a_bot', 'a_shy')"
    assert rows(shop, f"select user_id, is_bot, events from sessions where user_id in {left_out} order by all") == [
        ("a_bot", True, 70),
        ("a_shy", False, 1),
    ]
    for mart in ("interactions", "user_features_daily", "user_history_daily", "session_features", "session_labels"):
        assert rows(shop, f"select * from {mart} where user_id in {left_out}") == []
    lamp = "select views_7d from item_features_daily where item_id = 'lamp' order by feature_timestamp limit 1"
    assert rows(shop, lamp) == [(2,)]


def test_a_history_is_the_last_interactions_oldest_first(shop: duckdb.DuckDBPyConnection) -> None:
    histories = rows(
        shop, "select item_ids from user_history_daily where user_id = 'u_carla' order by feature_timestamp"
    )
    all_items = [f"c{number:02}" for number in range(HISTORY_LENGTH + 10)]
    assert histories == [(all_items[-HISTORY_LENGTH:],), ([*all_items, "mug"][-HISTORY_LENGTH:],)]


def test_utterances_carry_the_shops_label_or_their_channels(shop: duckdb.DuckDBPyConnection) -> None:
    assert rows(shop, "select channel, text, label, label_source from utterances order by event_timestamp") == [
        ("search", "red lamp", "search_product", "channel"),
        ("review", "bright enough", "leave_review", "channel"),
        ("question", "or the oak one?", "compare_product", "shop"),
    ]


def test_items_are_the_latest_catalogue_and_whatever_else_was_seen(shop: duckdb.DuckDBPyConnection) -> None:
    query = "select item_id, title, price, is_available, first_seen_at is not null from items"
    assert rows(shop, f"{query} where item_id not like 'c__' order by item_id") == [
        ("lamp", "Red lamp", 21.0, True, True),
        ("mug", "mug", 5.0, True, True),
        ("rug", "Rug", 40.0, False, True),
        ("sofa", "Sofa", None, False, False),
    ]


def test_a_known_user_without_events_is_a_user(shop: duckdb.DuckDBPyConnection) -> None:
    assert rows(shop, "select country, consent, segment, orders from users where user_id = 'u_dora'") == [
        ("SE", "granted", "dormant_visitor", 0)
    ]


def test_the_dbt_projects_values_are_the_contracts() -> None:
    import yaml

    project = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())
    assert project["vars"]["history_length"] == HISTORY_LENGTH
    assert project["vars"]["purchases_length"] == PURCHASES_LENGTH
    utterances = yaml.safe_load((DBT_PROJECT_DIR / "models" / "marts" / "core" / "utterances.yml").read_text())
    columns = {column["name"]: column for column in utterances["models"][0]["columns"]}
    accepted = columns["label"]["data_tests"][0]["accepted_values"]["arguments"]["values"]
    assert tuple(accepted) == INTENTS
    sources = yaml.safe_load((DBT_PROJECT_DIR / "models" / "staging" / "_sources.yml").read_text())
    tables = {table["name"]: table for table in sources["sources"][0]["tables"]}
    assert {column["name"] for column in tables["events"]["columns"]} <= {*EVENT_SCHEMA.names, "arrival_date", "batch"}


def test_a_failed_run_names_what_failed_and_where(dbt_home: Settings) -> None:
    with pytest.raises(DbtError, match=r"(?s)stg_event_log__events: .*No files found"):
        run_dbt(dbt_home, "run", "--no-write-json", "--select", "stg_event_log__events")


def test_a_build_that_needs_more_memory_than_it_may_take_says_so(home: Settings) -> None:
    land(home, "one", events=[])
    with pytest.raises(DbtError, match=r"(?s)Out of Memory.*SHOPSIGHT_WAREHOUSE_MEMORY"):
        run_dbt(home.model_copy(update={"warehouse_memory": "1MB"}), "run", "--select", "+int_events")


def test_an_excerpt_of_anonymous_visitors_without_sessions_and_prices_adds_up(dbt_home: Settings) -> None:
    file = REPO_ROOT / "tests" / "data" / "retailrocket" / "events.csv"
    import_file(dbt_home, "retailrocket", file, received_at=datetime(2026, 1, 1, tzinfo=UTC))
    run_dbt(dbt_home, "run", "--no-write-json", "--select", *(f"+{mart}" for mart in ANONYMOUS))
    with open_marts(dbt_home) as connection:
        # Eight visitors came once each; every row of the file is an interaction.
        assert rows(connection, "select sum(events), sum(purchases), count(*) from sessions") == [(36, 5, 8)]
        assert rows(connection, "select count(*), count(distinct user_id) from interactions") == [(36, 8)]
        assert rows(connection, "select count(*) from users where user_id not like 'a_%' or is_bot") == [(0,)]
        assert rows(connection, "select count(*) from users") == [(8,)]
        assert rows(connection, "select count(*) from session_features where mean_price_so_far is not null") == [(0,)]


@pytest.mark.slow
def test_a_real_log_of_anonymous_visitors_without_sessions_and_prices_adds_up(
    home: Settings, shared_data: Path
) -> None:
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    import_file(home, "retailrocket", shared_data / "retailrocket" / "events.csv", received_at=received_at)
    run_dbt(home, "build")
    with open_marts(home) as connection:
        assert rows(connection, "select sum(events), sum(purchases), count(*) from sessions") == [(97381, 9551, 15877)]
        assert rows(connection, "select count(*), count(distinct user_id) from interactions") == [(97381, 2174)]
        assert rows(connection, "select count(*) from users where user_id not like 'a_%' or is_bot") == [(0,)]
        assert rows(connection, "select count(*) from session_features where mean_price_so_far is not null") == [(0,)]
