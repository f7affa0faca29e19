"""What the marts for analysts say, told on a small history that is known to the row, and on planted bots."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from batches import Row, land

from shopsight.marts import mart_names, open_marts
from shopsight.privacy import Pseudonymiser
from shopsight.sample_shop import generate
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.landing import land_sample_shop
from shopsight.settings import REPO_ROOT, Settings, prepare_environment
from shopsight.warehouse import run_dbt, write_docs

DAY = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""


def a_history() -> list[Row]:
    """Ann buys thrice and sends something back, Bob hesitates, Cleo searches; each on days of their own."""
    history: list[Row] = []

    def event(actor: str, name: str, hours: float, **columns: Any) -> None:
        at = DAY + timedelta(hours=hours)
        row = {
            # Against the order of time, so that whatever sorts by id alone gives itself away.
            "event_id": f"e{999 - len(history)}",
            "line_number": 0,
            "event_name": name,
            "event_timestamp": at,
            "created_timestamp": at,
            "user_id" if actor.startswith("u_") else "anonymous_id": actor,
            "session_id": f"{actor}-{hours // 1:.0f}",
            "consent": "granted",
            "source": "shop",
        }
        history.append(row | columns)

    # Ann's first visit comes by paid search on her phone, unknown; her second by e-mail, with a login and an order.
    event("a_phone", "view_item", 1.0, item_id="lamp", price=20, channel="paid", campaign_id="spring", platform="web")
    mail = {"channel": "email", "campaign_id": "news", "anonymous_id": "a_phone", "platform": "app"}
    event("u_ann", "view_item", 30.0, item_id="lamp", price=18, **mail)
    event("u_ann", "add_to_cart", 30.1, item_id="lamp", price=18, **mail)
    event("u_ann", "begin_checkout", 30.2, **mail)
    event("u_ann", "purchase", 30.3, item_id="lamp", price=18, quantity=2, order_id="o1", event_id="b1", **mail)
    event("u_ann", "purchase", 30.3, item_id="bulb", price=4, order_id="o1", event_id="b1", line_number=1, **mail)
    event("u_ann", "refund", 54.0, item_id="lamp", price=18, quantity=1, order_id="o1")
    # Her second order has no cart before it; her third comes 40 days later, out of reach of every touch before.
    event("u_ann", "view_item", 78.0, item_id="lamp", price=20, channel="direct")
    event("u_ann", "purchase", 78.3, item_id="lamp", price=20, order_id="o2", channel="direct")
    event("u_ann", "purchase", 78.3, item_id="bulb", price=4, order_id="o2", line_number=1, channel="direct")
    event("u_ann", "purchase", 24 * 43.25, item_id="rug", price=50, order_id="o3")
    # Bob fills the cart before he looks (that does not count), and again eight days after he looked (too late).
    event("u_bob", "add_to_cart", 0.5, item_id="rug")
    event("u_bob", "view_item", 1.5, item_id="rug", price=50)
    event("u_bob", "add_to_cart", 24 * 8 + 2, item_id="rug", price=50)
    event("u_bob", "rate_item", 24 * 9, item_id="rug", value=4, text="soft")
    event("u_bob", "rate_item", 24 * 9.5, item_id="rug", value=1)
    # Cleo refines a search that found nothing, then follows the second one; banners and lists have positions.
    event("u_cleo", "search", 2.0, query="Lmap", properties='{"results": 0}')
    event("u_cleo", "search", 2.1, query="lamp", properties='{"results": 12}')
    for place, item in ((1, "rug"), (2, "lamp")):
        event("u_cleo", "view_item_list", 2.2, item_id=item, list_id="found", list_position=place, line_number=place)
    event("u_cleo", "select_item", 2.3, item_id="lamp", list_id="found", list_position=2)
    # A number of results that is none says nothing, and stops nothing.
    event("u_cleo", "search", 2.4, query="LAMP", properties='{"results": "many"}')
    event("u_cleo", "view_promotion", 2.5, campaign_id="banner", placement="home", list_position=1)
    event("u_cleo", "select_promotion", 2.6, campaign_id="banner", placement="home", list_position=1)
    event("u_cleo", "purchase", 2.7, item_id="bulb", price=4, order_id="o4")
    # Two users of one tablet.
    event("u_ann", "page_view", 100, anonymous_id="a_tablet")
    event("u_bob", "page_view", 101, anonymous_id="a_tablet")
    return history


def an_item(item: str, price: int, days: float, *, arrived: float = 0, **columns: Any) -> Row:
    return {
        "item_id": item,
        "price": price,
        "category": "Home > Lamps",
        "valid_from": DAY + timedelta(days=days),
        "source": "shop",
        "created_timestamp": DAY + timedelta(days=arrived),
    } | columns


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A home whose marts are built. The data tests of all models run in test_dbt_marts and test_dbt_money."""
    settings = Settings(home=tmp_path_factory.mktemp("analytics") / ".shopsight")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SHOPSIGHT_HOME", "TZ"):
            patch.setenv(name, "")
        prepare_environment(settings)
        items = [
            an_item("lamp", 20, -1),
            an_item("lamp", 20, 1),
            an_item("lamp", 99, 2),
            an_item("lamp", 20, 2, arrived=1),
            an_item("lamp", 25, 3),
            an_item("bulb", 4, -1, valid_to=DAY + timedelta(days=2)),
            an_item("bulb", 4, 5),
        ]
        land(settings, "all", events=a_history(), items=items)
        run_dbt(settings, "run", "--no-write-json")
        yield settings


@pytest.fixture(scope="module")
def shop(built: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts by name; `events` is in the warehouse only."""
    with duckdb.connect(str(built.warehouse_path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'; set schema = 'marts'")
        yield connection


def rows(shop: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return shop.execute(query).fetchall()


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def test_refunds_are_netted_where_the_order_is(shop: duckdb.DuckDBPyConnection) -> None:
    lines = "select item_id, quantity, refunded_quantity, net_revenue, refunded_at from order_items"
    assert rows(shop, f"{lines} where order_id = 'o1' order by item_id") == [
        ("bulb", 1, 0, Decimal(4), None),
        ("lamp", 2, 1, Decimal(18), at(54)),
    ]
    order = "select gross_revenue, refunded_revenue, net_revenue, items, channel, order_number from orders"
    assert rows(shop, f"{order} where order_id = 'o1'") == [(Decimal(40), Decimal(18), Decimal(22), 2, "email", 1)]


def test_orders_of_a_shopper_are_numbered_with_the_days_between(shop: duckdb.DuckDBPyConnection) -> None:
    orders = rows(shop, "select order_number, days_since_previous_order from orders where user_id = 'u_ann' order by 1")
    assert orders == [(1, None), (2, 2.0), (3, pytest.approx(24 * 43.25 / 24 - 78.3 / 24))]
    reached = rows(shop, "select order_number, customers, repeat_rate, days_median from repeat_intervals order by 1")
    assert reached == [(1, 2, None, None), (2, 1, 0.5, 2.0), (3, 1, 1.0, pytest.approx(39.9875))]


def test_an_item_is_as_the_catalogue_said_at_the_time(shop: duckdb.DuckDBPyConnection) -> None:
    versions = rows(shop, "select item_id, version, valid_from, valid_to, price from item_versions order by all")
    assert versions == [
        ("bulb", 1, at(-24), at(48), Decimal(4)),
        # It was gone for three days: the same words begin a second version.
        ("bulb", 2, at(120), None, Decimal(4)),
        # Sent again it is the same version, and what arrived later for the same moment corrects what was there.
        ("lamp", 1, at(-24), at(72), Decimal(20)),
        ("lamp", 2, at(72), None, Decimal(25)),
    ]


def test_a_price_is_compared_with_the_catalogue_of_its_day(shop: duckdb.DuckDBPyConnection) -> None:
    history = "select event_date, list_price_source, list_price, lowest_price, deepest_discount from price_history"
    assert rows(shop, f"{history} where item_id = 'lamp' order by 1") == [
        (date(2026, 1, 5), "catalogue", Decimal(20), Decimal(20), 0.0),
        (date(2026, 1, 6), "catalogue", Decimal(20), Decimal(18), pytest.approx(0.1)),
        (date(2026, 1, 8), "catalogue", Decimal(25), Decimal(20), pytest.approx(0.2)),
    ]
    assert rows(shop, "select distinct list_price_source from price_history where item_id = 'rug'") == [("events",)]


def test_a_visit_has_an_entry_an_exit_and_bounces_when_nothing_follows(shop: duckdb.DuckDBPyConnection) -> None:
    visit = "select entry_event_name, exit_event_name, entry_item_id, is_bounce, platform, campaign_id from sessions"
    assert rows(shop, f"{visit} where session_id = 'u_ann-30'") == [
        ("view_item", "purchase", "lamp", False, "app", "news")
    ]
    assert rows(shop, f"{visit} where session_id = 'a_phone-1'") == [
        ("view_item", "view_item", "lamp", True, "web", "spring")
    ]


def test_the_identity_map_says_who_stands_behind_a_device(shop: duckdb.DuckDBPyConnection) -> None:
    identities = rows(shop, "select anonymous_id, user_id, status, sessions, platforms from identities order by 1")
    assert identities == [("a_phone", "u_ann", "linked", 2, "app,web"), ("a_tablet", "a_tablet", "shared", 2, None)]


def test_a_funnel_counts_steps_in_order_and_within_the_window(shop: duckdb.DuckDBPyConnection) -> None:
    funnel = "select step, shoppers, step_rate, overall_rate, is_complete from funnel_daily"
    assert rows(shop, f"{funnel} where event_date = '2026-01-06' order by step_number") == [
        ("view_item", 1, None, 1.0, True),
        ("add_to_cart", 1, 1.0, 1.0, True),
        ("begin_checkout", 1, 1.0, 1.0, True),
        ("purchase", 1, 1.0, 1.0, True),
    ]
    # Ann, still unknown then, and Bob look on the first day; her cart comes in time, his before and too late.
    assert rows(shop, f"{funnel} where event_date = '2026-01-05' order by step_number") == [
        ("view_item", 2, None, 1.0, True),
        ("add_to_cart", 1, 0.5, 0.5, True),
        ("begin_checkout", 1, 1.0, 0.5, True),
        ("purchase", 1, 1.0, 0.5, True),
    ]


def test_cohorts_follow_shoppers_by_the_week_they_began_in(shop: duckdb.DuckDBPyConnection) -> None:
    cohort = "select period_number, cohort_size, shoppers, retention_rate, revenue from cohorts where period = 'week'"
    assert rows(shop, f"{cohort} and cohort = 'first_visit' order by 1") == [
        # The tablet that two users share is a shopper of its own, but was only seen with either of them.
        (0, 3, 3, 1.0, Decimal(68)),
        (1, 3, 1, pytest.approx(1 / 3), Decimal(0)),
        (6, 3, 1, pytest.approx(1 / 3), Decimal(50)),
    ]
    assert rows(shop, f"{cohort} and cohort = 'first_purchase' order by 1") == [
        (0, 2, 2, 1.0, Decimal(68)),
        (6, 2, 1, 0.5, Decimal(50)),
    ]


def test_rfm_compares_customers_with_each_other(shop: duckdb.DuckDBPyConnection) -> None:
    customers = rows(shop, "select user_id, recency_days, orders, net_revenue, life_cycle_stage from rfm order by 1")
    assert customers == [
        ("u_ann", 0, 3, Decimal(96), "champion"),
        ("u_cleo", 43, 1, Decimal(4), "lost"),
    ]


def test_an_order_is_credited_to_the_first_and_last_touch_in_reach(shop: duckdb.DuckDBPyConnection) -> None:
    credits = rows(
        shop,
        "select order_id, touches, first_channel, first_campaign_id, last_channel, last_campaign_id "
        "from attribution inner join orders using (order_key) where orders.user_id = 'u_ann' order by 1",
    )
    assert credits == [
        ("o1", 2, "paid", "spring", "email", "news"),
        # The refund's session is a touch too: she came back to the shop.
        ("o2", 4, "paid", "spring", "direct", None),
        ("o3", 1, None, None, None, None),
    ]


def test_items_bought_together_have_support_confidence_and_lift(shop: duckdb.DuckDBPyConnection) -> None:
    pairs = rows(shop, "select item_id, other_item_id, support, confidence, lift from basket_affinity order by 1")
    assert pairs == [("bulb", "lamp", 0.5, pytest.approx(2 / 3), pytest.approx(4 / 3)), ("lamp", "bulb", 0.5, 1, 4 / 3)]


def test_a_search_is_clicked_refined_or_finds_nothing(shop: duckdb.DuckDBPyConnection) -> None:
    searches = rows(
        shop,
        "select query, searches, click_through_rate, refinement_rate, zero_result_rate from search_performance "
        "order by query",
    )
    assert searches == [("lamp", 2, 0.5, 0.0, 0.0), ("lmap", 1, 0.0, 1.0, 1.0)]


def test_places_and_campaigns_have_their_response(shop: duckdb.DuckDBPyConnection) -> None:
    places = "select kind, campaign_id, list_id, list_position, impressions, clicks from placement_performance"
    assert rows(shop, f"{places} order by all") == [
        ("list", None, "found", 1, 1, 0),
        ("list", None, "found", 2, 1, 1),
        ("promotion", "banner", None, 1, 1, 1),
    ]
    campaigns = (
        "select campaign_id, promotion_clicks, responding_sessions, orders, net_revenue from campaign_performance"
    )
    assert rows(shop, f"{campaigns} order by 1") == [
        ("banner", 1, 1, 1, Decimal(4)),
        ("news", 0, 1, 1, Decimal(22)),
        ("spring", 0, 1, 0, Decimal(0)),
    ]


def test_demand_adds_up_to_the_orders(shop: duckdb.DuckDBPyConnection) -> None:
    sums = "sum(units), sum(gross_revenue), sum(refunded_revenue)"
    orders = rows(shop, "select sum(quantity), sum(gross_revenue), sum(refunded_revenue) from orders")
    assert orders == [(7, Decimal(118), Decimal(18))]
    assert rows(shop, f"select {sums} from item_demand_daily") == orders
    assert (
        rows(shop, "select sum(units), sum(gross_revenue), sum(refunded_revenue) from category_demand_daily") == orders
    )
    assert rows(shop, "select category, department from category_demand_daily order by 1 desc limit 1") == [
        ("Home > Lamps", "Home")
    ]


def test_reviews_are_summed_up_by_item(shop: duckdb.DuckDBPyConnection) -> None:
    query = "select item_id, reviews, rating_mean, stars_1, stars_4, written from review_summary"
    assert rows(shop, query) == [("rug", 2, 2.5, 1, 1, 1)]


def test_every_event_is_in_the_events_mart_once(shop: duckdb.DuckDBPyConnection) -> None:
    assert rows(shop, "select count(*), count(distinct (source, event_id, line_number)) from events") == [
        (len(a_history()), len(a_history()))
    ]


DOCUMENT = (REPO_ROOT / "docs" / "marts.md").read_text()


def test_every_mart_is_in_the_document(built: Settings) -> None:
    exported = set(mart_names(built)) | {"events"}
    assert {name for name in exported if f"`{name}`" not in DOCUMENT} == set()


@pytest.mark.slow
def test_planted_bots_are_found_and_shoppers_are_not_taken_for_bots(dbt_home: Settings) -> None:
    config = SampleShopConfig(users=400, items=150, events=30_000, days=20, bot_share=0.05)
    land_sample_shop(dbt_home, config, seed=3, received_at=config.ends_at + timedelta(days=1))
    run_dbt(dbt_home, "run", "--select", "+bot_scores")
    pseudonyms = Pseudonymiser.from_settings(dbt_home)
    truth = generate(config, seed=3).truth.users.to_pylist()
    planted = {name for user in truth if user["is_bot"] for name in ids_of(pseudonyms, user)}
    with open_marts(dbt_home) as connection:
        scores = rows(connection, "select user_id, is_bot, bot_score from bot_scores")
    assert sum(user in planted for user, _, _ in scores) >= 20
    for flagged in ({user for user, flag, _ in scores if flag}, {user for user, _, score in scores if score >= 0.5}):
        assert len(flagged & planted) / len(flagged) >= 0.95, "precision"
        assert len(flagged & planted) / sum(user in planted for user, _, _ in scores) >= 0.9, "recall"


def ids_of(pseudonyms: Pseudonymiser, user: Row) -> list[str]:
    """Return every pseudonym that a sample shopper may have in the marts."""
    return [pseudonyms.user(user["user_id"]), *(pseudonyms.anonymous(device) for device in user["devices"])]


@pytest.mark.slow
def test_the_documentation_is_one_page_that_asks_no_server_for_anything(home: Settings) -> None:
    page = write_docs(home).read_text()
    assert "1 for the shopper's first order, and so on" in page
    assert '"send_anonymous_usage_stats": false' in page
    assert re.findall(r"<(?:script|link)[^>]*(?:src|href)=.https?://[^>]*>", page) == []


@pytest.mark.slow
def test_the_documentation_of_a_home_without_a_warehouse_is_the_same_page(dbt_home: Settings) -> None:
    assert "1 for the shopper's first order, and so on" in write_docs(dbt_home).read_text()
