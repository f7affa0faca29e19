from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from models.purchase_intent.features import SessionEvent, session_features
from shopsight.contracts import SESSION_FEATURES

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)  # a Monday


def event(name: str, seconds: float, **fields: object) -> SessionEvent:
    return SessionEvent(event_name=name, event_timestamp=NOON + timedelta(seconds=seconds), **fields)  # type: ignore[arg-type]


def test_the_shape_has_the_columns_of_the_contract_in_their_order() -> None:
    assert tuple(session_features([event("page_view", 0)])) == SESSION_FEATURES


def test_a_session_is_counted_by_hand() -> None:
    events = [
        event("search", 0),
        event("view_item", 10, item_id="a", category="shoes", price=10.0),
        event("view_item", 20, item_id="b", category="shoes", price=30.0),
        event("add_to_wishlist", 25, item_id="b", category="shoes"),
        event("add_to_cart", 30.5, item_id="b", category="shoes", price=30.0),
        event("view_cart", 40),
        event("remove_from_cart", 50, item_id="b", category="bags", price=30.0),
    ]
    assert session_features(events) == {
        "events_so_far": 7,
        "views_so_far": 2,
        "searches_so_far": 1,
        "wishlists_so_far": 1,
        "carts_so_far": 1,
        "cart_removals_so_far": 1,
        "cart_views_so_far": 1,
        "distinct_items_so_far": 2,
        "distinct_categories_so_far": 2,
        "seconds_since_start": 50.0,
        "seconds_since_last_event": 10.0,
        "min_price_so_far": 10.0,
        "mean_price_so_far": 25.0,
        "max_price_so_far": 30.0,
        "hour_of_day": 12,
        "day_of_week": 1,
        "last_event_name": "remove_from_cart",
    }


def test_a_first_event_without_a_price_has_no_price_and_no_gap() -> None:
    shape = session_features([event("search", 0)])
    assert (shape["mean_price_so_far"], shape["seconds_since_last_event"]) == (None, 0.0)


def test_events_may_come_in_any_order() -> None:
    events = [event("view_item", 30, item_id="a"), event("search", 0), event("add_to_cart", 60, item_id="a")]
    assert session_features(events) == session_features(sorted(events, key=lambda e: e.event_timestamp))


@pytest.mark.parametrize("checkout", ["begin_checkout", "purchase"])
def test_nothing_from_the_checkout_on_is_counted(checkout: str) -> None:
    before = [event("view_item", 0, item_id="a"), event("add_to_cart", 5, item_id="a")]
    after = [event("view_cart", 9), event(checkout, 9), event("view_item", 20, item_id="b")]
    assert session_features(before + after) == session_features(before)


def test_hours_and_days_are_those_of_utc() -> None:
    in_shanghai = datetime(2024, 5, 7, 1, tzinfo=timezone(timedelta(hours=8)))  # Monday 17:00 UTC
    shape = session_features([SessionEvent(event_name="page_view", event_timestamp=in_shanghai)])
    assert (shape["hour_of_day"], shape["day_of_week"]) == (17, 1)


def test_the_hour_that_summer_time_repeats_is_two_hours() -> None:
    """In Berlin, 27 October 2024 had 02:30 twice; a datetime tells them apart by ``fold`` alone."""
    berlin = ZoneInfo("Europe/Berlin")
    second = SessionEvent(event_name="search", event_timestamp=datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=berlin))
    first = SessionEvent(event_name="view_item", event_timestamp=datetime(2024, 10, 27, 2, 30, fold=0, tzinfo=berlin))
    shape = session_features([second, first])
    assert (shape["events_so_far"], shape["seconds_since_start"], shape["hour_of_day"]) == (2, 3600.0, 1)
    assert shape["last_event_name"] == "search"


def test_a_session_without_a_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="before its checkout"):
        session_features([])
    with pytest.raises(ValueError, match="before its checkout"):
        session_features([event("begin_checkout", 0)])


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        session_features([SessionEvent(event_name="search", event_timestamp=datetime(2024, 5, 6))])
