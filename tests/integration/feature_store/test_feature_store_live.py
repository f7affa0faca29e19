"""What a request pushes is what the warehouse will say of the same events."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from shopsight.contracts import HISTORY_LENGTH, SESSION_FEATURES, SESSION_FLOW_FEATURES, SESSION_STATE
from shopsight.feature_store import (
    FeatureStoreNotReadyError,
    LiveEvent,
    LiveFeatures,
    Moved,
    OnlineFeatures,
    apply_definitions,
    materialize,
    open_feature_store,
)
from shopsight.feature_store.live_rows import session_rows
from shopsight.feature_store.online_rows import FEATURES
from shopsight.marts import export_path, open_marts, read_mart
from shopsight.sample_shop import SampleShopConfig, land_sample_shop
from shopsight.settings import Settings, tool_environment
from shopsight.warehouse import run_dbt

WriteMart = Callable[[str, list[dict[str, Any]]], None]
MONDAY = datetime(2026, 5, 4, 9, tzinfo=UTC)
NOW = MONDAY + timedelta(days=1)
CONFIG = SampleShopConfig(users=60, items=120, events=3_000, days=20, block_events=1_500)


class Warehouse:
    """The sample shop's events and what dbt makes of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            self.events = [
                LiveEvent(**dict(zip(EVENT, row, strict=True)))
                for row in connection.execute(
                    f"select {', '.join(EVENT)} from intermediate.int_personal_behaviour "
                    "order by event_timestamp, event_id, line_number, source"
                ).fetchall()
            ]

    def rows(self, mart: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        with open_marts(self.settings, [mart]) as connection:
            return connection.execute(f"select {', '.join(columns)} from {mart}").fetchall()


EVENT = (
    *("event_id", "event_name", "event_timestamp", "user_id", "session_id", "item_id", "category", "price"),
    *("list_position", "line_number", "source"),
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("live")) / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        for name, value in tool_environment(settings).items():
            patch.setenv(name, value)
        land_sample_shop(settings, CONFIG, seed=3, received_at=datetime(2026, 11, 1, tzinfo=UTC))
        marts = ("session_features", "session_flow_features", "session_state_features", "user_history_daily")
        run_dbt(settings, "run", "--no-write-json", "--select", *(f"+{mart}" for mart in marts))
        yield Warehouse(settings)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return bool(left == right)


@pytest.mark.usefixtures("write_mart")
def test_each_instant_of_each_session_is_counted_as_the_warehouse_counts_it(
    home: Settings, warehouse: Warehouse
) -> None:
    apply_definitions(home)
    store = open_feature_store(home, read_only=True)
    views = {view.name: view for view in store.list_feature_views()}
    moved = [views[name] for name in ("session_state", "session_features", "session_flow")]
    names = [[field.name for field in view.features] for view in moved]
    counted: dict[tuple[str, datetime], dict[str, Any]] = {}
    states: dict[str, dict[str, Any]] = {}
    by_session = sorted(warehouse.events, key=lambda event: (event.session_id or "", event.order))
    for session, events in groupby(by_session, key=lambda event: event.session_id or ""):
        stored = None
        for at, instant in groupby(events, key=lambda event: event.event_timestamp):
            state, features, flow = session_rows(moved, session, stored, list(instant), 0)
            stored = state or stored
            if features is not None and flow is not None:
                both = zip(names[1] + names[2], features[FEATURES] + flow[FEATURES], strict=True)
                counted[session, at] = dict(both)
        assert stored is not None
        states[session] = dict(zip(names[0], stored[FEATURES], strict=True))
    for mart, columns in (("session_features", SESSION_FEATURES), ("session_flow_features", SESSION_FLOW_FEATURES)):
        rows = warehouse.rows(mart, ("session_id", "event_timestamp", *columns))
        assert len(rows) == len(counted) > 1_000
        different = [
            (session, at, name, value, counted[session, at][name])
            for session, at, *values in rows
            for name, value in zip(columns, values, strict=True)
            if not same(value, counted[session, at][name])
        ]
        assert different == []
    rows = warehouse.rows("session_state_features", ("session_id", *SESSION_STATE))
    assert len(rows) > 100
    for session, *values in rows:
        live = states[session] | {"price_sum": _digits(states[session]["price_sum"])}
        held_by_dbt = dict(zip(SESSION_STATE, values, strict=True))
        held_by_dbt["price_sum"] = _digits(held_by_dbt["price_sum"])
        assert {n for n, v in held_by_dbt.items() if not same(v, live[n])} == set(), session
    assert any(values[0] for _, *values in rows), "some sessions are checked out"


def _digits(text: str | None) -> float | None:
    return None if text is None else float(text)


def test_a_history_that_is_pushed_is_the_warehouse_s(shop: Settings, warehouse: Warehouse) -> None:
    live, online = LiveFeatures(shop), OnlineFeatures(shop)
    last: dict[str, tuple[Any, ...]] = {}
    for row in warehouse.rows("user_history_daily", ("user_id", "feature_timestamp", "item_ids", "event_names")):
        last[row[0]] = max(row, last.get(row[0], row), key=lambda row_of_day: row_of_day[1])
    # Pseudonyms differ from home to home: the first ones by name would be other shoppers in each run.
    users = sorted(last, key=lambda user: len(last[user][2]), reverse=True)[:25]
    for user in users:
        live.push([event for event in warehouse.events if event.user_id == user], received_at=NOW)
    for user, answer in zip(users, online.read("user_history", [{"user_id": user} for user in users]), strict=True):
        assert (answer["item_ids"], answer["event_names"]) == last[user][2:], user
    assert max(len(last[user][2]) for user in users) == HISTORY_LENGTH


def event(nth: int, name: str = "view_item", **columns: Any) -> LiveEvent:
    given = {"user_id": "u_1", "session_id": "s_1", "item_id": f"i_{nth}"} | columns
    # Against the order of time, so that whatever sorts by id alone gives itself away.
    event_id = f"e{9999 - nth}"
    return LiveEvent(event_id=event_id, event_name=name, event_timestamp=MONDAY + timedelta(seconds=10 * nth), **given)


def read(settings: Settings, service_or_view: str = "session_features") -> dict[str, Any]:
    (session,) = OnlineFeatures(settings).read(service_or_view, [{"session_id": "s_1"}])
    (history,) = OnlineFeatures(settings).read("user_history", [{"user_id": "u_1"}])
    return {**session, **history}


def test_an_event_is_readable_as_soon_as_it_is_pushed(shop: Settings, with_all_views_online: Path) -> None:
    apply_definitions(shop, repository=with_all_views_online)
    live = LiveFeatures(shop)
    assert live.push([event(1)], received_at=NOW) == Moved(sessions=1, shoppers=1)
    assert read(shop, "session_flow_v1")["views_so_far"] == 1
    assert live.push([event(3, "add_to_cart"), event(2, "search", item_id=None)], received_at=NOW).sessions == 1
    answer = read(shop, "session_flow_v1")
    assert answer["last_actions"] == ["view_item", "search", "add_to_cart"]
    assert answer["seconds_since_last_event"] == 10
    assert (answer["item_ids"], answer["event_names"]) == (["i_1", "i_3"], ["view_item", "add_to_cart"])
    assert answer["cart_rate_so_far"] == 1


def test_a_repeated_or_late_event_and_what_follows_a_checkout_change_nothing(shop: Settings) -> None:
    live = LiveFeatures(shop)
    live.push([event(5), event(6)], received_at=NOW)
    before = read(shop)
    for again in (event(6), event(5), event(2)):
        assert live.push([again], received_at=NOW + timedelta(hours=1)) == Moved(sessions=0, shoppers=0)
    assert read(shop) == before
    at = event(7).event_timestamp
    with_checkout = LiveEvent(event_id="e0", event_name="view_cart", event_timestamp=at, session_id="s_1")
    live.push([with_checkout, event(7, "begin_checkout", item_id=None)], received_at=NOW)
    live.push([event(8)], received_at=NOW)
    after = read(shop)
    assert after["events_so_far"] == 2, "nothing is left to predict"
    assert after["item_ids"] == ["i_5", "i_6", "i_8"], "a history goes on"


def test_a_push_goes_on_from_what_was_materialised_and_an_older_mart_takes_nothing_back(
    shop: Settings, warehouse: Warehouse
) -> None:

    by_session = sorted(warehouse.events, key=lambda event: (event.session_id or "", event.order))
    sessions = {session: list(events) for session, events in groupby(by_session, key=lambda e: e.session_id or "")}
    newest = max(e.event_timestamp for e in warehouse.events)
    open_ones = [s for s, own in sessions.items() if not {e.event_name for e in own} & {"begin_checkout", "purchase"}]
    session = max(
        open_ones, key=lambda s: (sessions[s][-1].event_timestamp > newest - timedelta(days=5), len(sessions[s]))
    )
    for mart in ("session_features", "session_flow_features", "session_state_features"):
        pq.write_table(read_mart(warehouse.settings, mart), export_path(shop, mart))
    until = newest + timedelta(days=1)
    materialize(shop, until=until)
    (features,) = OnlineFeatures(shop).read("session_features", [{"session_id": session}])
    own = sessions[session]
    assert features["events_so_far"] == len(own)
    seen = next(e.item_id for e in own if e.item_id is not None)
    at = own[-1].event_timestamp + timedelta(seconds=30)
    step = LiveEvent(event_id="next", event_name="view_item", event_timestamp=at, session_id=session, item_id=seen)
    assert LiveFeatures(shop).push([step], received_at=until) == Moved(sessions=1, shoppers=0)
    materialize(shop, until=until)
    (moved,) = OnlineFeatures(shop).read("session_features", [{"session_id": session}])
    assert moved["events_so_far"] == len(own) + 1
    assert moved["distinct_items_so_far"] == features["distinct_items_so_far"], "the item had been seen"
    assert moved["mean_price_so_far"] == pytest.approx(features["mean_price_so_far"], rel=1e-12)
    assert moved["seconds_since_last_event"] == 30


def test_two_workers_that_push_at_once_lose_no_event(shop: Settings) -> None:

    workers = [LiveFeatures(shop) for _ in range(2)]
    at = MONDAY
    events = [
        LiveEvent(event_id=f"e{n:03}", event_name="view_item", event_timestamp=at, session_id="s_1", item_id=f"i_{n}")
        for n in range(8)
    ]

    def push(worker: LiveFeatures, part: list[LiveEvent]) -> None:
        for one in part:
            worker.push([one], received_at=NOW)

    with ThreadPoolExecutor(2) as pool:
        pushes = [pool.submit(push, worker, events[n::2]) for n, worker in enumerate(workers)]
    assert [one.exception() for one in pushes] == [None, None]
    (answer,) = OnlineFeatures(shop).read("session_features", [{"session_id": "s_1"}])
    assert answer["events_so_far"] == answer["distinct_items_so_far"] == 8


def test_feast_s_own_push_moves_the_same_view(shop: Settings) -> None:
    import pandas as pd

    row: dict[str, Any] = dict.fromkeys(SESSION_FEATURES)
    row |= {"session_id": "s_1", "event_timestamp": MONDAY, "created_timestamp": NOW, "events_so_far": 4}
    open_feature_store(shop, read_only=True).push("live_session_features", pd.DataFrame([row]))
    assert read(shop)["events_so_far"] == 4


def test_before_the_definitions_are_applied_the_error_says_what_to_do(home: Settings) -> None:
    with pytest.raises(FeatureStoreNotReadyError, match="run the features step"):
        LiveFeatures(home)
    with pytest.raises(ValueError, match="time zone"):
        LiveEvent(event_id="e", event_name="view_item", event_timestamp=datetime(2026, 5, 4))
