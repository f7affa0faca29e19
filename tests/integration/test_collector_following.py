"""An accepted event moves features at once, to what the warehouse and the nightly materialisation say of it later."""

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from serving.collector import known_shop
from serving.collector.following import RETRY_SECONDS, Follower
from serving.collector.known_shop import read_known_shop
from shopsight.clock import utc_now
from shopsight.feature_store import OnlineFeatures, apply_definitions, materialize
from shopsight.ingestion.collecting.journal import Journal
from shopsight.ingestion.collecting.records import ACCEPTED_SCHEMA, Record
from shopsight.privacy import Pseudonymiser
from shopsight.refusals import batch_files
from shopsight.sample_shop import SampleShopConfig, land_sample_shop
from shopsight.settings import Settings, tool_environment
from shopsight.stated_consent import state_consent
from shopsight.warehouse import run_dbt

CONFIG = SampleShopConfig(users=60, items=120, events=6_000, days=20, block_events=1_500)
ARRIVED = datetime(2026, 11, 1, tzinfo=UTC)
VIEWS = ("user_history", "user_purchases", "user_order_history")
AT_LEAST = {"user_history": 200, "user_purchases": 10, "user_order_history": 10, "session_features": 250}
NUMBERS = itertools.count()
MARTS = (
    *("users", "items", "identities", "orders", "sessions", "user_features_daily", "user_history_daily"),
    *("user_purchases", "user_order_history_daily", "session_features", "session_state_features"),
)


class Shop:
    """A sample shop whose log and warehouse are whole, and whose online store is empty."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            files = batch_files(settings, "events/*.parquet")
            columns = ", ".join(name for name in ACCEPTED_SCHEMA.names if not name.endswith("_hash"))
            query = (
                f"select {columns}, 0::ubigint as event_hash, 0::ubigint as content_hash "
                "from read_parquet($files, hive_partitioning = false) "
                "order by event_timestamp, event_id, line_number, source"
            )
            self.events = connection.sql(query, params={"files": files}).to_arrow_table().cast(ACCEPTED_SCHEMA)

    @contextmanager
    def follower(self, **options: Any) -> Iterator[Follower]:
        with closing(Follower(self.settings, now=lambda: ARRIVED, **options)) as follower:
            yield follower

    def online(self, view: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        key = "session_id" if view.startswith("session") else "user_id"
        rows = OnlineFeatures(self.settings).read(view, [{key: one} for one in keys])
        return {row.pop(key): row for row in rows}

    def history(self, user: str) -> dict[str, Any]:
        return self.online("user_history", [user])[user]

    @staticmethod
    def event(name: str, *, minutes: int = 0, price: str | None = None, **columns: Any) -> dict[str, Any]:
        """Return an accepted event of a time after all that the sample shop saw."""
        event = dict.fromkeys(ACCEPTED_SCHEMA.names) | {
            "line_number": 0,
            "user_id": "u_1",
            "consent": "granted",
            "source": "shop",
        }
        event |= {
            "event_id": f"e{next(NUMBERS)}",
            "event_name": name,
            "event_timestamp": ARRIVED + timedelta(minutes=minutes),
        }
        event |= {"created_timestamp": ARRIVED, "event_hash": 0, "content_hash": 0}
        return event | columns | {"price": None if price is None else Decimal(price)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("following")) / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        for name, value in tool_environment(settings).items():
            patch.setenv(name, value)
        land_sample_shop(settings, CONFIG, seed=3, received_at=ARRIVED)
        run_dbt(settings, "run", "--no-write-json", "--select", *(f"+{mart}" for mart in MARTS))
        apply_definitions(settings)
        yield Shop(settings)


@pytest.fixture
def pseudonymiser(shop: Shop) -> Pseudonymiser:
    return Pseudonymiser.from_settings(shop.settings)


def test_a_log_that_is_pushed_event_by_event_is_online_as_the_materialisation_writes_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whose device is whose has to be found from the events alone, as in a shop that was built yesterday.
    without_links = replace(read_known_shop(shop.settings), links={})
    monkeypatch.setattr(known_shop, "read_known_shop", lambda _: without_links)
    with shop.follower() as follower:
        for group in shop.events.combine_chunks().to_batches(max_chunksize=40):
            follower(group)
        assert follower.notes() == []
    people = {*shop.events["user_id"].to_pylist(), *shop.events["anonymous_id"].to_pylist()} - {None}
    keys = dict.fromkeys(VIEWS, sorted(people)) | {
        "session_features": sorted({*shop.events["session_id"].to_pylist()} - {None})
    }
    pushed = {view: shop.online(view, keys[view]) for view in keys}
    materialize(shop.settings, until=ARRIVED)
    for view in keys:
        materialised = shop.online(view, keys[view])
        assert sum(any(value is not None for value in row.values()) for row in materialised.values()) >= AT_LEAST[view]
        different = {
            key: [
                (name, value, pushed[view][key][name])
                for name, value in row.items()
                if not same(value, pushed[view][key][name])
            ]
            for key, row in materialised.items()
        }
        assert {key: names for key, names in different.items() if names} == {}, view


def test_what_a_request_of_the_past_left_waiting_is_pushed_once_by_the_next_collector(shop: Shop) -> None:
    lines = [shop.event("purchase", item_id=f"i_{n}", order_id="o_1", line_number=n, price="10") for n in range(3)]
    journal = Journal(shop.settings.collected_dir, max_bytes=1 << 20, max_seconds=60, now=lambda: ARRIVED)
    journal.append(Record(accepted=batch(lines)))
    journal.close()
    for _ in range(2):
        with shop.follower() as follower:
            follower.catch_up()
    assert shop.history("u_1")["item_ids"] == ["i_0", "i_1", "i_2"]
    assert shop.online("user_order_history", ["u_1"])["u_1"]["order_values"] == ["30.0"]
    assert shop.online("user_purchases", ["u_1"])["u_1"]["bought_item_ids"] == ["i_0", "i_1", "i_2"]


def test_a_line_of_an_order_that_is_told_again_later_is_no_second_purchase(shop: Shop) -> None:
    line: dict[str, Any] = {"user_id": "u_2", "item_id": "i_1", "order_id": "o_2", "price": "10", "currency": "EUR"}
    with shop.follower() as follower:
        follower(batch([shop.event("purchase", **line)]))
        follower(batch([shop.event("purchase", **line, minutes=5)]))
        follower(batch([shop.event("purchase", **(line | {"order_id": "o_3", "currency": "XAU"}), minutes=6)]))
    assert shop.history("u_2")["event_names"] == ["purchase", "purchase"]
    orders = shop.online("user_order_history", ["u_2"])["u_2"]
    assert orders["order_values"] == ["10.0"], "money without a rate is in no sum"


def test_a_visit_is_the_shoppers_who_signs_in_during_it_and_a_shared_device_is_nobodys(shop: Shop) -> None:
    with shop.follower() as follower:
        follower(batch([shop.event("view_item", user_id=None, anonymous_id="a_3", item_id="i_1")]))
        assert shop.history("a_3")["item_ids"] == ["i_1"]
        follower(batch([shop.event("view_item", user_id="u_3", anonymous_id="a_3", item_id="i_2", minutes=1)]))
        follower(batch([shop.event("view_item", user_id=None, anonymous_id="a_3", item_id="i_3", minutes=2)]))
        assert shop.history("u_3")["item_ids"] == ["i_1", "i_2", "i_3"]
        assert shop.history("a_3")["item_ids"] is None
        follower(batch([shop.event("view_item", user_id="u_4", anonymous_id="a_3", item_id="i_4", minutes=3)]))
        follower(batch([shop.event("view_item", user_id=None, anonymous_id="a_3", item_id="i_5", minutes=4)]))
    assert shop.history("u_4")["item_ids"] == ["i_4"]
    assert shop.history("a_3")["item_ids"] == ["i_5"]


def test_who_forbids_personal_use_leaves_the_store_with_that_event_and_does_not_come_back(shop: Shop) -> None:
    with shop.follower() as follower:
        follower(batch([shop.event("view_item", user_id="u_5", session_id="s_5", item_id="i_1")]))
        assert shop.history("u_5")["item_ids"] == ["i_1"]
        refusal = shop.event(
            "page_view", user_id="u_5", session_id="s_5", item_id=None, consent="analytics_only", minutes=1
        )
        follower(batch([shop.event("view_item", user_id="u_5", session_id="s_5", item_id="i_2"), refusal]))
        follower(batch([shop.event("view_item", user_id="u_5", session_id="s_6", item_id="i_3", minutes=2)]))
    assert shop.history("u_5")["item_ids"] is None
    for session in ("s_5", "s_6"):
        assert shop.online("session_features", [session])[session]["events_so_far"] is None


def test_a_request_to_forbid_it_is_kept_to_by_a_collector_that_runs(shop: Shop, pseudonymiser: Pseudonymiser) -> None:
    user = pseudonymiser.user("Mia")
    with shop.follower() as follower:
        follower(batch([shop.event("view_item", user_id=user, item_id="i_1")]))
        state_consent(shop.settings, "Mia", "none", received_at=utc_now())
        deadline = time.monotonic() + 20
        while user not in follower.shop_reader.shop.refused:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        follower(batch([shop.event("view_item", user_id=user, item_id="i_2", minutes=1)]))
    assert shop.history(user)["item_ids"] is None


def test_events_wait_for_a_store_that_is_away_and_are_pushed_when_it_is_back(shop: Shop) -> None:
    clock = [0.0]
    store = shop.settings.feature_store_dir / "online.db"
    with shop.follower(seconds_now=lambda: clock[0]) as follower:
        follower(batch([shop.event("view_item", user_id="u_6", item_id="i_1")]))
        store.rename(store.with_suffix(".away"))
        follower(batch([shop.event("view_item", user_id="u_6", item_id="i_2", minutes=1)]))
        assert "(1 wait): The online store" in follower.notes()[0]
        follower(batch([shop.event("view_item", user_id="u_6", item_id="i_3", minutes=2)]))
        store.with_suffix(".away").rename(store)
        follower.retry()
        assert "(2 wait)" in follower.notes()[0], "it is left alone for a while"
        clock[0] += RETRY_SECONDS
        follower.retry()
        assert follower.notes() == []
    assert shop.history("u_6")["item_ids"] == ["i_1", "i_2", "i_3"]


def test_before_there_are_features_the_collector_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    follower = Follower(settings)
    follower(batch([Shop.event("view_item", item_id="i_1")]))
    follower.close()
    assert "There are no feature definitions" in follower.notes()[0]


def same(left: Any, right: Any) -> bool:
    both = isinstance(left, float) and isinstance(right, float)
    return bool(left == right or (both and math.isclose(left, right, rel_tol=1e-9)))


def batch(events: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(events, schema=ACCEPTED_SCHEMA)
