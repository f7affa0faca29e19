"""Which impression a click or an order belongs to, how often it was seen, and what is written of a placement."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from serving.feedback.placements import SCHEMA, placement_response, read_impressions

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
COLUMNS = ("event_name", "user_id", "item_id", "campaign_id", "placement", "list_position", "minutes", "consent")
DAY = 24 * 60


class Shop:
    """A warehouse of a few events."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.events: list[tuple[Any, ...]] = []
        self.orders: list[tuple[str, str, datetime, str]] = []
        self.bots: set[str] = set()

    def show(self, item: str, minutes: float, *, user: str = "u", place: int | None = 1, **more: Any) -> None:
        self._add("view_item_list", user, item, minutes, list_position=place, **more)

    def click(self, item: str, minutes: float, *, user: str = "u", **more: Any) -> None:
        self._add("select_item", user, item, minutes, **more)

    def promote(self, name: str, campaign: str, minutes: float, *, user: str = "u") -> None:
        self._add(name, user, None, minutes, campaign_id=campaign, placement="banner")

    def order(self, item: str, minutes: float, *, user: str = "u", session: str = "s") -> None:
        self.orders.append((user, item, NOON + timedelta(minutes=minutes), session))

    def read(self) -> pd.DataFrame:
        events = pd.DataFrame(self.events, columns=COLUMNS)
        events = events.astype({"item_id": "string", "campaign_id": "string", "placement": "string"})
        events["event_timestamp"] = NOON + pd.to_timedelta(events.pop("minutes"), unit="min")
        users = pd.DataFrame({"user_id": sorted(set(events["user_id"]))}).assign(consent="granted")
        users["is_bot"] = users["user_id"].isin(self.bots)
        orders = pd.DataFrame(self.orders, columns=["user_id", "item_id", "ordered_at", "session_id"])
        orders["ordered_at"] = pd.to_datetime(orders["ordered_at"], utc=True)
        sessions = pd.DataFrame({"session_id": ["s", "mailed"], "campaign_id": pd.array([None, "spring"], "string")})
        for name, table in (("users", users), ("order_items", orders), ("sessions", sessions), ("raw_events", events)):
            self.connection.register(name, table)
        self.connection.execute("create table warehouse.marts.events as from raw_events")
        read_impressions(self.connection, window=timedelta(hours=24))
        return self.connection.sql("from impressions order by impression").df()

    def _add(self, name: str, user: str, item: str | None, minutes: float, **more: Any) -> None:
        row = dict.fromkeys(COLUMNS) | {"event_name": name, "user_id": user, "item_id": item, "minutes": minutes}
        self.events.append(tuple((row | {"consent": "granted"} | more).values()))


@pytest.fixture
def shop() -> Iterator[Shop]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("create schema warehouse.marts")
        yield Shop(connection)


def test_a_click_belongs_to_the_last_impression_of_the_thing_within_a_day(shop: Shop) -> None:
    shop.show("lamp", 0)
    shop.show("lamp", 60)
    shop.click("lamp", 61)
    shop.show("rug", 0)
    shop.click("rug", DAY + 1)
    rows = shop.read()
    assert rows[["thing", "is_clicked"]].values.tolist() == [["lamp", False], ["rug", False], ["lamp", True]]


def test_impressions_are_numbered_over_seven_days_by_shopper_and_thing(shop: Shop) -> None:
    for minutes in (0, 10, 8 * DAY):
        shop.show("lamp", minutes)
    shop.show("lamp", 20, user="v")
    shop.show("rug", 20)
    rows = shop.read()
    assert rows[rows["thing"] == "lamp"]["number"].tolist() == [1, 2, 1, 1]
    assert rows[rows["thing"] == "rug"]["number"].tolist() == [1]


def test_an_order_belongs_to_the_list_that_showed_the_item_and_to_the_promotion_of_its_visit(shop: Shop) -> None:
    shop.show("lamp", 0)
    shop.promote("view_promotion", "spring", 5)
    shop.promote("select_promotion", "spring", 6)
    shop.order("lamp", 30, session="mailed")
    rows = shop.read().set_index("kind")
    assert rows["is_ordered"].to_dict() == {"list": True, "promotion": True}
    assert rows["is_clicked"].to_dict() == {"list": False, "promotion": True}
    assert rows["position"].to_dict() == {"list": 1, "promotion": 1}


def test_bots_and_who_permits_no_totals_are_left_out(shop: Shop) -> None:
    shop.bots = {"robot"}
    shop.show("lamp", 0, user="robot")
    shop.show("lamp", 0, user="quiet", consent="none")
    shop.show("lamp", 0, user="u")
    assert shop.read()["user_id"].tolist() == ["u"]


def test_a_placement_has_a_row_for_each_place_and_number_with_rates_and_effects(shop: Shop) -> None:
    rng = np.random.default_rng(6)
    chances = {1: 0.4, 2: 0.2}
    for shopper in range(250):
        for minute in range(6):
            place = int(rng.integers(1, 3))
            shop.show(f"item {shopper % 25}", 20 * minute, user=f"u{shopper}", place=place)
            if rng.random() < chances[place]:
                shop.click(f"item {shopper % 25}", 20 * minute + 1, user=f"u{shopper}")
    shop.read()
    table = placement_response(shop.connection)
    assert table.schema == SCHEMA
    rows = {(row["factor"], row["level"]): row for row in table.to_pylist()}
    assert set(rows) == {("position", 1), ("position", 2), *(("frequency", n) for n in range(1, 7))}
    second = rows["position", 2]
    assert second["compared"] == "pairs"
    assert second["effect_low"] < 0.5 < second["effect_high"]
    assert second["click_through_low"] < 0.2 < second["click_through_high"]
    # Everybody saw it as often, and seeing it again changed nothing.
    assert rows["frequency", 6]["effect_high"] > 0.8
    assert rows["frequency", 6]["proposed_cap"] is None
    assert sum(row["impressions"] for row in rows.values() if row["factor"] == "frequency") == 1_500
