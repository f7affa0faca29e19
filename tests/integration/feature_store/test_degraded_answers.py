"""Whatever befalls the online store while requests run: each is answered, from a rung that it names, and says why."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from approved_toys import toys

from models.recommender.predict import Recommender
from serving.features import RETRY_SECONDS, FeatureReader
from serving.recommender.desk import RecommendationDesk
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.feature_store import OnlineFeatures, WrittenState, apply_definitions, materialize, open_feature_store
from shopsight.feature_store.online_rows import MonotoneOnlineStore
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

WriteMart = Callable[[str, list[dict[str, Any]]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
ASKED = RecommendationRequest(user_id="maya", num_results=5)
RIGHT = (None, True, ())


class Log:
    """Forgets the rows."""

    def append(self, row: Any) -> None:
        """Take one."""


class Shop:
    """A recommender that is asked for one shopper's list, over and over."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.now = MONDAY
        self.seconds = 0.0
        toys().write_recommender(folder)
        reader = FeatureReader(
            lambda: OnlineFeatures(settings),
            Pseudonymiser.from_settings(settings),
            written=lambda: WrittenState.read(settings.feature_store_dir),
            seconds_now=lambda: self.seconds,
        )
        model = ServedModel(family="recommender", version="v0001", artefact=folder, card={}, evaluation={}, approval={})
        ids = map(str, count())
        self._desk = RecommendationDesk(
            Recommender.load(folder),
            model=model,
            features=reader,
            log=Log(),
            clock=lambda: self.now,
            new_id=lambda: next(ids),
        )

    def answer(self) -> tuple[str | None, bool | None, tuple[str, ...]]:
        answer = self._desk.answer(ASKED)
        assert len(answer["items"]) == 5
        return answer["fallback"], answer["user_known"], tuple(answer["notes"])

    def later(self) -> tuple[str | None, bool | None, tuple[str, ...]]:
        """Answer after the time that a store which failed is left alone."""
        self.seconds += RETRY_SECONDS
        return self.answer()

    def write(self) -> None:
        materialize(self.settings, until=MONDAY, rewrite=True)


@pytest.fixture
def asked(shop: Settings, write_mart: WriteMart, tmp_path: Path) -> Shop:
    maya = Pseudonymiser.from_settings(shop).user("maya")
    about = {"user_id": maya, "feature_timestamp": MONDAY, "created_timestamp": MONDAY}
    write_mart("user_history_daily", [about | {"item_ids": ["i_5", "i_8"], "event_names": ["view_item", "view_item"]}])
    write_mart("user_features_daily", [about | {"events_7d": 2}])
    asked = Shop(shop, tmp_path / "recommender")
    asked.write()
    assert asked.answer() == RIGHT
    return asked


def test_a_store_that_is_emptied_is_named_and_read_again_once_it_is_filled(asked: Shop) -> None:
    if asked.settings.online_store.startswith("redis"):
        redis.Redis.from_url(asked.settings.online_store).flushdb()
    else:
        (asked.settings.feature_store_dir / "online.db").unlink()
        apply_definitions(asked.settings)
    fallback, is_known, (note,) = asked.later()
    assert (fallback, is_known) == ("trending", None)
    assert "knows none of the shoppers that were written to it" in note
    asked.write()
    assert asked.later() == RIGHT


def test_rows_that_lack_fields_are_not_read_and_old_ones_are_with_their_age(asked: Shop) -> None:
    store = open_feature_store(asked.settings, read_only=True)
    view = store.get_feature_view("user_features")
    cast(MonotoneOnlineStore, store.provider.online_store).record_fields(store.config, view, "events_7d Int64")
    fallback, is_known, (note,) = asked.later()
    assert (fallback, is_known) == ("trending", None)
    assert "user_features were written with other fields" in note
    asked.write()
    assert asked.later() == RIGHT
    asked.now = MONDAY + timedelta(days=5)
    assert asked.answer() == (None, True, ("online features: the data end 5 days ago, at 2026-05-04T00:00:00Z",))


def test_requests_run_on_while_the_file_goes_is_damaged_and_comes_back(asked: Shop) -> None:
    store = asked.settings.feature_store_dir / "online.db"
    if asked.settings.online_store != "sqlite":
        pytest.skip("a file is SQLite's")
    over = threading.Event()

    def ask() -> set[tuple[str | None, bool | None]]:
        answers = set()
        while not over.is_set():
            answers.add(asked.answer()[:2])
        return answers

    with ThreadPoolExecutor(2) as clients:
        asking = [clients.submit(ask) for _ in range(2)]
        try:
            with closing(sqlite3.connect(store)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            whole = store.read_bytes()
            for befall in (store.unlink, lambda: store.write_bytes(whole[:100]), lambda: store.write_bytes(b"")):
                befall()
                fallback, is_known, (note,) = asked.later()
                assert (fallback, is_known) == ("trending", None)
                assert "online.db" in note
                store.unlink(missing_ok=True)
                store.with_suffix(".whole").write_bytes(whole)
                store.with_suffix(".whole").rename(store)
                assert asked.later() == RIGHT
        finally:
            over.set()
        assert {answer for one in asking for answer in one.result()} <= {(None, True), ("trending", None)}
