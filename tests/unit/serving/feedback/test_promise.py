"""A model's promise beside what came of its lists: what is counted, and the verdict in words."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from models.evaluation.bootstrap import Estimate
from serving.feedback.promise import DayOfPromise, newest_days, promise_by_day, verdict_of
from shopsight.events import TIMESTAMP
from shopsight.marts import open_duckdb

NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
PROMISED = Estimate(value=0.4, low=0.36, high=0.44)


@pytest.mark.parametrize(
    ("measured", "promised", "verdict"),
    [
        (Estimate(value=0.41, low=0.37, high=0.45), PROMISED, "as promised"),
        (Estimate(value=0.3, low=0.26, high=0.34), PROMISED, "below the promise"),
        (Estimate(value=0.5, low=0.46, high=0.54), PROMISED, "above the promise"),
        (Estimate(value=0.1, low=0.02, high=0.43), PROMISED, "not enough impressions"),
        (Estimate(value=0.1, low=0.02, high=0.32), PROMISED, "below the promise"),
        (Estimate(value=0.3, low=0.26, high=0.34), None, "no promise"),
    ],
)
def test_a_verdict_is_given_only_where_the_interval_says_something(
    measured: Estimate, promised: Estimate | None, verdict: str
) -> None:
    assert verdict_of(measured, promised) == verdict


class Lists:
    """Lists that were shown, and what shoppers first met; both in minutes after noon."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.rows: list[dict[str, Any]] = []
        self.contacts: list[dict[str, Any]] = []

    def show(self, shopper: str | None, at: float, *, places: int = 10, start: int = 0, **fields: Any) -> None:
        row: dict[str, Any] = {
            "recommendation_id": f"rec_{len(self.rows)}",
            "shopper": shopper,
            "fallback": None,
            "left_out": None,
        }
        row |= {"answered_at": NOON + timedelta(minutes=at), "model_version": "v0001", "is_filtered": False}
        row |= {"placement": "recommended_for_you"} | fields
        for place in range(places):
            self.rows.append(row | {"position": place + 1, "item_id": f"i_{start + place}"})

    def meet(self, shopper: str, at: float, item: int) -> None:
        moment = NOON + timedelta(minutes=at)
        self.contacts.append({"user_id": shopper, "item_id": f"i_{item}", "event_timestamp": moment})

    def judge(self, *, zone: str = "UTC") -> list[DayOfPromise]:
        texts = ("recommendation_id", "shopper", "fallback", "left_out", "model_version", "placement", "item_id")
        columns = {name: pa.string() for name in texts}
        columns |= {"answered_at": TIMESTAMP, "is_filtered": pa.bool_(), "position": pa.int32()}
        counted = pa.Table.from_pylist(self.rows, schema=pa.schema(list(columns.items())))
        met = {"user_id": pa.string(), "item_id": pa.string(), "event_timestamp": TIMESTAMP}
        self.connection.register("counted", counted)
        contacts = pa.Table.from_pylist(self.contacts, schema=pa.schema(list(met.items())))
        self.connection.register("interactions", contacts)
        promises = {"v0001": {"recall@10": PROMISED}}
        window = timedelta(hours=24)
        return promise_by_day(self.connection, lambda version: promises.get(version, {}), window=window, zone=zone)


@pytest.fixture
def lists() -> Iterator[Lists]:
    with open_duckdb() as connection:
        yield Lists(connection)


def test_a_first_contact_is_a_hit_where_the_last_list_before_it_had_the_item(lists: Lists) -> None:
    lists.show("maya", 0, start=0)
    lists.show("maya", 5, start=100)
    lists.meet("maya", 1, 3)  # on the first list
    lists.meet("maya", 6, 4)  # on the first list, but the second one came meanwhile
    lists.meet("maya", 7, 101)  # on the second
    lists.meet("maya", 8, 3)  # met before: no first contact
    (day,) = lists.judge()
    assert (day.contacts, day.hits, day.metric, day.day) == (3, 2, "recall@10", date(2026, 3, 2))
    assert day.promised == PROMISED
    assert day.verdict == "not enough impressions"


def test_contacts_before_any_list_or_after_the_window_and_of_others_are_no_cases(lists: Lists) -> None:
    lists.show("maya", 0)
    lists.meet("maya", -1, 3)
    lists.meet("maya", 24 * 60 + 1, 4)
    lists.meet("ben", 1, 5)
    assert lists.judge() == []


@pytest.mark.parametrize(
    "other",
    [
        {"placement": "trending"},
        {"fallback": "best_sellers"},
        {"is_filtered": True},
        {"left_out": "no consent"},
        {"places": 4},
    ],
)
def test_lists_of_which_the_card_says_nothing_are_passed_over(lists: Lists, other: dict[str, Any]) -> None:
    lists.show("maya", 0, **other)
    lists.meet("maya", 1, 3)
    assert lists.judge() == []


def test_only_the_first_ten_of_a_longer_list_count_and_a_list_of_five_has_another_figure(lists: Lists) -> None:
    lists.show("maya", 0, places=20)
    lists.meet("maya", 1, 15)
    lists.show("ben", 0, places=5)
    lists.meet("ben", 1, 2)
    five, ten = sorted(lists.judge(), key=lambda day: day.metric == "recall@10")
    assert (ten.metric, ten.contacts, ten.hits) == ("recall@10", 1, 0)
    assert (five.metric, five.contacts, five.hits, five.verdict) == ("recall@5", 1, 1, "no promise")


def test_a_day_with_enough_contacts_is_judged_and_days_are_the_shops(lists: Lists) -> None:
    for number in range(400):
        lists.show(f"u_{number}", 13 * 60)
        lists.meet(f"u_{number}", 13 * 60 + 1, 3 if number % 5 == 0 else 99)
    (day,) = lists.judge(zone="Asia/Shanghai")
    assert (day.day, day.contacts, day.hits) == (date(2026, 3, 3), 400, 80)
    assert day.verdict == "below the promise"


def day_of(number: int, *, hits: int, contacts: int = 100, version: str = "v1", **fields: Any) -> DayOfPromise:
    measured = Estimate(value=hits / contacts, low=0.0, high=1.0)
    day: dict[str, Any] = {
        "day": date(2026, 3, number),
        "model_version": version,
        "metric": "recall@10",
        "contacts": contacts,
        "hits": hits,
        "measured": measured,
        "promised": PROMISED,
        "verdict": "not enough impressions",
    }
    return DayOfPromise(**day | fields)


def test_the_newest_week_of_a_version_is_judged_together_where_each_day_says_nothing() -> None:
    newest = newest_days([day_of(number, hits=30) for number in range(1, 15)], "v1")
    assert newest is not None
    assert (newest.first, newest.last) == (date(2026, 3, 8), date(2026, 3, 14))
    assert (newest.hits, newest.contacts) == (210, 700)
    assert newest.verdict == "below the promise"


def test_days_of_another_version_and_older_ones_say_nothing_of_the_newest_week() -> None:
    days = [day_of(1, hits=0), *(day_of(number, hits=40) for number in range(8, 15)), day_of(14, hits=0, version="v0")]
    newest = newest_days(days, "v1")
    assert newest is not None
    assert newest.verdict == "as promised"


def test_the_lists_that_more_contacts_followed_are_judged() -> None:
    days = [day_of(1, hits=40), day_of(1, hits=0, contacts=20, metric="recall@5")]
    newest = newest_days(days, "v1")
    assert newest is not None
    assert newest.metric == "recall@10"


def test_a_version_without_a_day_or_without_a_promise_has_no_verdict() -> None:
    assert newest_days([], "v1") is None
    assert newest_days([day_of(1, hits=4, promised=None)], "v1") is None
