"""Days are those of the shop's zone in every mart that analysts read, and the documents' queries say the same anywhere.

The history is known to the row. It lies around midnights and both changes of the clocks in Berlin in 2026: 29 March
has 23 hours (it begins at 23:00 UTC the day before), 25 October has 25 (from 22:00 UTC the day before to 23:00).
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import Row, land

from shopsight.events import EVENT_SCHEMA
from shopsight.ingestion.importers import import_file
from shopsight.marts import open_marts
from shopsight.settings import REPO_ROOT, Settings
from shopsight.warehouse import run_dbt

BERLIN = ZoneInfo("Europe/Berlin")

pytestmark = pytest.mark.slow


def in_berlin(month: int, day: int, hour: int, minute: int, *, fold: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, fold=fold, tzinfo=BERLIN).astimezone(UTC)


class History:
    """Rows of a shop, an event at a time."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, actor: str, session: str, at: datetime, name: str, **columns: Any) -> None:
        row = {
            "event_id": f"e{len(self.rows):03}",
            "line_number": 0,
            "event_name": name,
            "event_timestamp": at,
            "created_timestamp": at,
            "user_id" if actor.startswith("u_") else "anonymous_id": actor,
            "session_id": session,
            "consent": "granted",
            "source": "shop",
        }
        self.rows.append(row | columns)

    def order(self, actor: str, session: str, at: datetime, order: str, *lines: Row, **columns: Any) -> None:
        for place, line in enumerate(lines):
            self.add(
                actor,
                session,
                at,
                "purchase",
                **columns | {"event_id": f"{order}-{at:%H%M}", "order_id": order, "line_number": place} | dict(line),
            )


LAMP: dict[str, Any] = {"item_id": "lamp", "category": "Home > Lamps", "price": 20}
BULB: dict[str, Any] = {"item_id": "bulb", "category": "Home > Lamps", "price": 4}


def spring() -> list[Row]:
    """Ann buys past midnight and sends something back, Bob pays in dollars, Cleo searches, each around a short day."""
    shop = History()
    mail = {"channel": "email", "device": "phone", "country": "DE"}
    shop.add("u_ann", "ann-1", in_berlin(3, 28, 23, 30), "view_item", **LAMP, **mail)
    shop.add("u_ann", "ann-1", in_berlin(3, 28, 23, 40), "add_to_cart", **LAMP, **mail)
    for place, item in enumerate((LAMP, BULB)):
        line = {"event_id": "checkout", "line_number": place}
        shop.add("u_ann", "ann-1", in_berlin(3, 28, 23, 45), "begin_checkout", **item, **mail, **line)
    for minute in (10, 12):  # the page that confirms the order is loaded again
        shop.order("u_ann", "ann-1", in_berlin(3, 29, 0, minute), "o1", LAMP | {"quantity": 2}, BULB, **mail)

    paid = {"channel": "paid", "device": "desktop", "campaign_id": "spring"}
    shop.add("a_bob", "bob-1", in_berlin(3, 29, 0, 5), "view_item", **LAMP | {"price": 18}, **paid)
    shop.add("a_bob", "bob-2", in_berlin(3, 29, 23, 55), "view_item", **LAMP, **paid)
    shop.add("a_bob", "bob-2", in_berlin(3, 29, 23, 57), "add_to_cart", **LAMP, **paid)
    # Ten dollars are 8.00 by the rate of the shop's day, the 30th, and 5.00 by that of UTC's.
    shop.order("a_bob", "bob-2", in_berlin(3, 30, 0, 3), "o2", LAMP | {"price": 10}, currency="USD", **paid)

    phone = {"device": "phone", "country": "FR"}
    at = in_berlin(3, 30, 0, 20)
    shop.add("u_cleo", "cleo-1", at, "search", query="Lamp", properties='{"results": 0}', **phone)
    shop.add(
        "u_cleo", "cleo-1", at + timedelta(minutes=1), "search", query="light", properties='{"results": 3}', **phone
    )
    for place, name in enumerate(("rug", "lamp"), start=1):
        listing = {
            "item_id": name,
            "list_id": "found",
            "list_position": place,
            "event_id": "found",
            "line_number": place,
        }
        shop.add("u_cleo", "cleo-1", at + timedelta(minutes=2), "view_item_list", **listing, **phone)
    listing = {"item_id": "lamp", "list_id": "found", "list_position": 2}
    shop.add("u_cleo", "cleo-1", at + timedelta(minutes=3), "select_item", **listing, **phone)
    banner = {"campaign_id": "banner", "placement": "home"}
    shop.add("u_cleo", "cleo-1", at + timedelta(minutes=4), "view_promotion", **banner, **phone)
    shop.add("u_cleo", "cleo-1", at + timedelta(minutes=5), "select_promotion", **banner, **phone)
    for minute, stars in enumerate((5, 4, 4, 3, 4), start=6):
        shop.add("u_cleo", "cleo-1", at + timedelta(minutes=minute), "rate_item", item_id="lamp", value=stars, **phone)

    shop.add("u_ann", "ann-2", in_berlin(3, 30, 12, 0), "refund", item_id="lamp", quantity=1, order_id="o1")
    # A credit note with a number of its own, half an hour into the 31st; and money that has no rate.
    shop.add("u_ann", "ann-3", in_berlin(3, 31, 0, 30), "refund", item_id="rug", value=7, order_id="c1")
    shop.order("u_cleo", "cleo-2", in_berlin(3, 31, 10, 0), "o3", {"item_id": "rug", "price": 500}, currency="JPY")
    return shop.rows


def autumn() -> list[Row]:
    """Dora orders five times on the long day and once after it; the price of one line was wrong at first."""
    shop = History()
    times = [
        in_berlin(10, 25, 0, 15),
        in_berlin(10, 25, 1, 30),
        in_berlin(10, 25, 2, 30),
        in_berlin(10, 25, 2, 30, fold=1),
        in_berlin(10, 25, 23, 50),
        in_berlin(10, 26, 0, 5),
    ]
    for number, at in enumerate(times, start=1):
        shop.order("u_dora", f"dora-{number}", at, f"d{number}", LAMP, BULB, channel="direct", device="tablet")
    return shop.rows


def a_wrong_price() -> Row:
    right = autumn()[-2]
    return dict(right) | {"price": 30, "created_timestamp": right["created_timestamp"] - timedelta(seconds=9)}


def take(settings: Settings, rows: list[Row]) -> None:
    """Import rows as a file of the shop."""
    path = settings.home.with_name("rows.parquet")
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=EVENT_SCHEMA), path)
    receipt = import_file(settings, "canonical_parquet", path, received_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert receipt.quarantined == 0


def prepare(settings: Settings) -> None:
    """Write what a shop has beside its events: rates, and a catalogue in which the lamp gets dearer within the 30th."""
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.currency_rates_path.write_text("date,currency,rate\n2026-03-29,USD,0.5\n2026-03-30,USD,0.8\n")
    item = {"item_id": "lamp", "category": "Home > Lamps", "source": "shop"}
    changes = ((datetime(2026, 1, 1, tzinfo=UTC), 20), (in_berlin(3, 30, 0, 30), 25))
    land(
        settings,
        "catalogue",
        items=[item | {"price": price, "valid_from": at, "created_timestamp": at} for at, price in changes],
    )


@pytest.fixture(scope="module")
def built(emptied_home: Callable[..., Settings]) -> Iterator[Settings]:
    """A home whose marts are built for Berlin, after what lasts between runs was made of half the log by UTC's days."""
    with pytest.MonkeyPatch.context() as patch:
        settings = emptied_home(patch, currency="EUR")
        prepare(settings)
        take(settings, [*spring(), a_wrong_price()])
        lasting = ("+int_item_demand", "+int_searches", "+placement_performance")
        run_dbt(settings, "run", "--no-write-json", "--select", *lasting)
        in_zone = settings.model_copy(update={"zone": "Europe/Berlin"})
        take(in_zone, autumn())
        run_dbt(in_zone, "run", "--no-write-json")
        yield in_zone


@pytest.fixture(params=["Asia/Shanghai", "America/Los_Angeles"])
def reader(built: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connection of somebody in another zone, in the folder that holds the home."""
    monkeypatch.chdir(built.home.parent)
    with open_marts(built) as connection:
        connection.execute(f"set timezone = '{request.param}'")
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """Return the rows in an order of their own, amounts as numbers and days as they are written."""
    answer = connection.execute(query.replace("'.shopsight/", "'home/")).fetchall()
    return sorted((tuple(written(value) for value in row) for row in answer), key=repr)


def written(value: Any) -> Any:
    if isinstance(value, date):
        assert type(value) is date, "a moment, which every reader's zone shows as another"
        return f"{value:%Y-%m-%d}"
    return round(float(value), 4) if isinstance(value, float | Decimal) else value


def in_mart(connection: duckdb.DuckDBPyConnection, name: str, columns: str, where: str = "true") -> list[Any]:
    return rows(connection, f"select {columns} from {name} where {where}")


def test_a_day_begins_at_the_shops_midnight(reader: duckdb.DuckDBPyConnection) -> None:
    # Ann's order and Dora's first two lie on the day before, by UTC; Bob's and Dora's last lie on the day after.
    assert in_mart(reader, "orders", "order_id, ordered_on, refunded_on", "order_id not in ('d2', 'd4')") == [
        ("c1", None, "2026-03-31"),
        ("d1", "2026-10-25", None),
        ("d3", "2026-10-25", None),
        ("d5", "2026-10-25", None),
        ("d6", "2026-10-26", None),
        ("o1", "2026-03-29", "2026-03-30"),
        ("o2", "2026-03-30", None),
        ("o3", "2026-03-31", None),
    ]
    assert in_mart(reader, "order_items", "ordered_on, refunded_on", "order_id = 'o1'") == [
        ("2026-03-29", "2026-03-30"),
        ("2026-03-29", None),
    ]
    days = "started_on, count(*)"
    assert in_mart(reader, "sessions", days, "true group by all") == [
        ("2026-03-28", 1),
        ("2026-03-29", 2),
        ("2026-03-30", 2),
        ("2026-03-31", 2),
        ("2026-10-25", 5),
        ("2026-10-26", 1),
    ]
    assert in_mart(reader, "attribution", "ordered_on, count(*)", "user_id is not null group by all") == [
        ("2026-03-29", 1),
        ("2026-03-30", 1),
        ("2026-03-31", 1),
        ("2026-10-25", 5),
        ("2026-10-26", 1),
    ]


def test_every_daily_mart_counts_by_days_of_the_shop(reader: duckdb.DuckDBPyConnection) -> None:
    assert in_mart(reader, "funnel_daily", "event_date, shoppers", "step = 'add_to_cart'") == [
        ("2026-03-28", 1),
        # Bob looks at five past midnight and fills his cart three minutes before the next one, 22 hours later.
        ("2026-03-29", 1),
    ]
    assert in_mart(reader, "item_demand_daily", "event_date, views, carts, units", "item_id = 'lamp'") == [
        ("2026-03-28", 1, 1, 0),
        ("2026-03-29", 2, 1, 2),
        ("2026-03-30", 0, 0, 1),
        ("2026-10-25", 0, 0, 5),
        ("2026-10-26", 0, 0, 1),
    ]
    assert in_mart(reader, "category_demand_daily", "event_date, units", "department = 'Home'") == [
        ("2026-03-28", 0),
        ("2026-03-29", 3),
        ("2026-03-30", 1),
        ("2026-10-25", 10),
        ("2026-10-26", 2),
    ]
    assert in_mart(reader, "search_performance", "event_date, query") == [
        ("2026-03-30", "lamp"),
        ("2026-03-30", "light"),
    ]
    assert in_mart(reader, "placement_performance", "event_date, kind, sum(clicks)", "true group by all") == [
        ("2026-03-30", "list", 1),
        ("2026-03-30", "promotion", 1),
    ]
    assert in_mart(reader, "campaign_performance", "campaign_id, event_date, sessions") == [
        ("banner", "2026-03-30", 1),
        ("spring", "2026-03-29", 2),
    ]
    # The lamp gets dearer half an hour into the 30th, which is the 29th by UTC.
    assert in_mart(reader, "price_history", "event_date, list_price, lowest_price", "item_id = 'lamp'") == [
        ("2026-03-28", 20.0, 20.0),
        ("2026-03-29", 20.0, 18.0),
        ("2026-03-30", 25.0, 8.0),
        ("2026-10-25", 25.0, 20.0),
        ("2026-10-26", 25.0, 20.0),
    ]


def test_weeks_and_months_begin_at_the_shops_midnight(reader: duckdb.DuckDBPyConnection) -> None:
    of_weeks = "cohort = 'first_purchase' and period = 'week'"
    assert in_mart(reader, "cohorts", "cohort_start, period_number, shoppers, revenue", of_weeks) == [
        ("2026-03-23", 0, 1, 44.0),
        ("2026-03-30", 0, 2, 8.0),
        ("2026-10-19", 0, 1, 120.0),
        ("2026-10-19", 1, 1, 24.0),
    ]


def test_ages_are_counted_in_midnights_of_the_shop(reader: duckdb.DuckDBPyConnection) -> None:
    days = {orders: days for orders, days in in_mart(reader, "rfm", "orders, recency_days") if orders == 6}
    assert days == {6: 0}
    assert ("2026-03-29", (date(2026, 10, 26) - date(2026, 3, 29)).days) in rows(
        reader,
        "select ordered_on, recency_days from rfm inner join orders on rfm.user_id = orders.user_id",
    )


def test_money_is_converted_at_the_rate_of_the_shops_day(reader: duckdb.DuckDBPyConnection) -> None:
    assert in_mart(reader, "orders", "gross_revenue, currency", "order_id = 'o2'") == [(8.0, "EUR")]


def test_a_day_has_its_figures(reader: duckdb.DuckDBPyConnection) -> None:
    visits = (
        "event_date, visitors, new_visitors, sessions, bounces, product_views, carts, checkouts, converting_sessions"
    )
    assert in_mart(reader, "daily_kpis", visits, "sessions > 0") == [
        # What Ann does in the visit that began on the 28th counts on the 28th, but for the order.
        ("2026-03-28", 1, 1, 1, 0, 1, 1, 1, 1),
        ("2026-03-29", 1, 1, 2, 1, 2, 1, 0, 1),
        ("2026-03-30", 2, 1, 2, 1, 0, 0, 0, 0),
        ("2026-03-31", 2, 0, 2, 2, 0, 0, 0, 1),
        ("2026-10-25", 1, 1, 5, 5, 0, 0, 0, 5),
        ("2026-10-26", 1, 0, 1, 1, 0, 0, 0, 1),
    ]
    sales = (
        "event_date, orders, buyers, units, refunded_units, gross_revenue, refunded_revenue, net_revenue, given_back"
    )
    assert in_mart(reader, "daily_kpis", sales, "orders + refunded_revenue + given_back > 0") == [
        ("2026-03-29", 1, 1, 3, 1, 44.0, 20.0, 24.0, 0.0),
        ("2026-03-30", 1, 1, 1, 0, 8.0, 0.0, 8.0, 20.0),
        # Cleo's order in yen brings nothing that can be added; the credit note counts on its own day.
        ("2026-03-31", 1, 1, 1, 1, 0.0, 7.0, -7.0, 7.0),
        ("2026-10-25", 5, 1, 10, 0, 120.0, 0.0, 120.0, 0.0),
        ("2026-10-26", 1, 1, 2, 0, 24.0, 0.0, 24.0, 0.0),
    ]
    rates = "event_date, bounce_rate, conversion_rate, average_order_value"
    assert in_mart(reader, "daily_kpis", rates, "event_date in ('2026-03-28', '2026-03-29', '2026-10-25')") == [
        ("2026-03-28", 0.0, 1.0, None),
        ("2026-03-29", 0.5, 0.5, 44.0),
        ("2026-10-25", 1.0, 1.0, 24.0),
    ]


def test_a_day_on_which_nothing_happened_has_zeros(reader: duckdb.DuckDBPyConnection) -> None:
    span = "count(*), count(distinct event_date), min(event_date), max(event_date)"
    assert in_mart(reader, "daily_kpis", span) == [(213, 213, "2026-03-28", "2026-10-26")]
    figures = "sessions, visitors, orders, net_revenue, given_back, bounce_rate, conversion_rate, average_order_value"
    assert in_mart(reader, "daily_kpis", figures, "event_date = '2026-07-01'") == [
        (0, 0, 0, 0.0, 0.0, None, None, None)
    ]


def test_every_day_is_what_sessions_and_orders_add_up_to_for_it(reader: duckdb.DuckDBPyConnection) -> None:
    of_sessions = "started_on, count(*), sum(views), sum(carts), sum(checkouts), count(*) filter (where converted)"
    of_days = "event_date, sessions, product_views, carts, checkouts, converting_sessions"
    assert in_mart(reader, "sessions", of_sessions, "not is_bot group by all") == in_mart(
        reader, "daily_kpis", of_days, "sessions > 0"
    )
    of_orders = (
        "coalesce(ordered_on, refunded_on), count(ordered_at), sum(quantity), sum(gross_revenue), sum(net_revenue)"
    )
    of_days = "event_date, orders, units, gross_revenue, net_revenue"
    assert in_mart(reader, "orders", of_orders, "true group by all") == in_mart(
        reader, "daily_kpis", of_days, "orders + refunded_revenue > 0"
    )


def test_a_funnel_is_broken_down_by_the_session_in_which_it_was_entered(reader: duckdb.DuckDBPyConnection) -> None:
    reached = "event_date, value, list(shoppers order by step_number)::varchar"
    assert in_mart(reader, "funnel_breakdown_daily", reached, "dimension = 'country' group by all") == [
        ("2026-03-28", "DE", "[1, 1, 1, 1]"),
        ("2026-03-29", "(none)", "[1, 1, 0, 0]"),
    ]
    values = "dimension, value, sum(shoppers)"
    assert in_mart(reader, "funnel_breakdown_daily", values, "step = 'view_item' group by all") == [
        ("channel", "email", 1),
        ("channel", "paid", 1),
        ("country", "(none)", 1),
        ("country", "DE", 1),
        ("device", "desktop", 1),
        ("device", "phone", 1),
    ]


def test_features_keep_the_days_of_utc(built: Settings) -> None:
    with open_marts(built) as connection:
        midnights = connection.execute(
            "select distinct (feature_timestamp at time zone 'UTC')::time::varchar from user_features_daily"
        ).fetchall()
        long_day = connection.execute(
            "select (feature_timestamp at time zone 'UTC')::date::varchar, purchases_7d "
            "from item_features_daily "
            "where item_id = 'lamp' and feature_timestamp > '2026-10-01' order by 1"
        ).fetchall()
    assert midnights == [("00:00:00",)]
    assert long_day == [("2026-10-25", 2), ("2026-10-26", 6)]


EMPTY_WEEKS = [f"{date(2026, 4, 6) + timedelta(weeks=week):%Y-%m-%d}" for week in range(28)]
FIGURES: dict[str, list[tuple[str, list[tuple[Any, ...]]]]] = {
    "marts": [
        (
            "as week",
            [
                ("2026-03-23", 3, 2, 0.3333, 0.6667, 1, 24.0, 44.0),
                ("2026-03-30", 4, 1, 0.75, 0.25, 2, 1.0, 4.0),
                *((week, 0, 0, None, None, 0, 0.0, None) for week in EMPTY_WEEKS),
                ("2026-10-19", 5, 1, 1.0, 1.0, 5, 120.0, 24.0),
                ("2026-10-26", 1, 0, 1.0, 1.0, 1, 24.0, 24.0),
            ],
        ),
        (
            "bounce_rate",
            [("direct", 6, 1.0, 1.0), ("email", 1, 0.0, 1.0), ("paid", 2, 0.5, 0.5), (None, 4, 0.75, 0.25)],
        ),
        ("refund_rate", [("2026-03-01", 3, 25.0, 0.5192, 17.3333), ("2026-10-01", 6, 144.0, 0.0, 24.0)]),
        ("graph_edges", []),
        ("funnel_daily", [("add_to_cart", 2), ("begin_checkout", 1), ("purchase", 1), ("view_item", 2)]),
        ("funnel_breakdown_daily", [("email", 1, 1), ("paid", 1, 0)]),
        ("cohorts", [("2026-03-01", 1.0), ("2026-10-01", 1.0)]),
        (
            "sum(net_revenue)",
            [("champion", 1, 144.0), ("hibernating", 1, 8.0), ("lost", 1, 17.0), ("new", 1, 0.0)],
        ),
        (
            "users.segment",
            [
                ("champion", "champion", 1),
                ("lost", "hibernating", 1),
                ("lost", "lost", 1),
                ("lost", "new", 1),
            ],
        ),
        (
            "repeat_intervals",
            [(1, 4, None, None), (2, 1, 0.25, 0.0), (3, 1, 1.0, 0.0), (4, 1, 1.0, 0.0), (5, 1, 1.0, 1.0)],
        ),
        ("attribution", [("direct", 6, 144.0), ("email", 1, 24.0), ("spring", 1, 8.0), (None, 1, 0.0)]),
        ("basket_affinity", [("bulb", "lamp", 7, 1.0, 1.1), ("lamp", "bulb", 7, 0.88, 1.1)]),
        ("search_performance", [("lamp", 1, 0.0, 1.0), ("light", 1, 1.0, 0.0)]),
        ("placement_performance", [(1, 1, 0.0), (2, 1, 1.0)]),
        ("campaign_performance", [("banner", 1, 0, 0.0), ("spring", 2, 1, 8.0)]),
        ("category_demand_daily", [("(none)", 0, 1, 0.0), ("Home", 3, 16, 196.0)]),
        (
            "item_versions",
            [
                *((f"shop:d{number}", None, 25.0) for number in range(1, 7)),
                ("shop:o1", None, 20.0),
                ("shop:o2", None, 20.0),
            ],
        ),
        (
            "price_history",
            [
                ("2026-03-28", 0.0),
                ("2026-03-29", 0.5),
                ("2026-03-30", 1.0),
                ("2026-10-25", 0.5),
                ("2026-10-26", 0.5),
            ],
        ),
        ("bot_scores", [(False, 4, 37)]),
        ("review_summary", [("lamp", 5, 4.0)]),
        ("identities", [("unknown", 1, 4)]),
    ],
    "exactness": [
        ("repeated_lines", [("o1", 44.0, 2)]),
        ("refunded", [("2026-03-01", 3, 52.0, 27.0, 25.0), ("2026-10-01", 6, 144.0, 0.0, 144.0)]),
        ("refunded_units", [("2026-03-30", 1, 20.0), ("2026-03-31", 1, 7.0)]),
        ("unconverted_revenue", [("JPY", 1, 500.0)]),
        ("other_day", [(5, 9)]),
        ("customers", [(4, 4)]),
        ("as lines", [(13, 37, 16, 0.6923)]),
        ("corrected", [("20261101T000000Z-000002", 12, 11, 0, 1, 0)]),
        ("date_diff", [(1, 1)]),
    ],
    "agents": [("agent", [])],
}
"""By document, for each of its queries in its order: a word of it, and what it answers."""


def queries(document: str) -> list[str]:
    text = (REPO_ROOT / "docs" / f"{document}.md").read_text()
    blocks = re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL)
    return [query.strip() for block in blocks for query in block.split(";\n") if query.strip()]


def test_every_query_of_the_documents_has_its_figures_here() -> None:
    documents = sorted((REPO_ROOT / "docs").rglob("*.md")) + sorted(REPO_ROOT.glob("*.md"))
    assert {path.stem for path in documents if "```sql" in path.read_text()} == set(FIGURES)
    for document, figures in FIGURES.items():
        assert len(queries(document)) == len(figures), document


@pytest.mark.parametrize(
    ("document", "place"), [(document, place) for document in FIGURES for place in range(len(FIGURES[document]))]
)
def test_a_query_of_the_documents_says_the_same_to_readers_in_any_zone(
    reader: duckdb.DuckDBPyConnection, document: str, place: int
) -> None:
    word, figures = FIGURES[document][place]
    query = queries(document)[place]
    assert word in query
    assert rows(reader, query) == figures
