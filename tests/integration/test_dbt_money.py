"""Every mart says of orders, refunds and currencies what plain arithmetic says of the same log, however it arrived."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import Row
from order_oracle import FIRST_DAY, RATES, RandomOrder, Settled

from shopsight.events import EVENT_SCHEMA
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.receipts import Receipt
from shopsight.marts import open_marts
from shopsight.settings import Settings, prepare_environment
from shopsight.warehouse import run_dbt

pytestmark = pytest.mark.slow
"""tests/integration/test_generated_exports.py tries some of it by every run."""


def land(settings: Settings, path: Path, rows: list[Row]) -> Receipt:
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=EVENT_SCHEMA), path)
    return import_file(settings, "canonical_parquet", path, received_at=datetime(2026, 5, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def history() -> list[list[Row]]:
    rng = random.Random(11)
    return [RandomOrder(rng, number).rows for number in range(150)]


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory, history: list[list[Row]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts by name, after the rows came in two batches, in any order: reports before those that they repeat."""
    folder = tmp_path_factory.mktemp("money")
    settings = Settings(home=folder / ".shopsight", currency="EUR")
    rng = random.Random(5)
    rows = [row for order in history for row in order]
    # What a later version corrects counts nowhere, whichever of the two arrives first.
    wrong = [row | {"price": Decimal(77), "value": None} for row in rows if rng.random() < 0.1]
    rows += [row | {"created_timestamp": row["created_timestamp"] - timedelta(seconds=9)} for row in wrong]
    rng.shuffle(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(settings.home))
        prepare_environment(settings)
        settings.home.mkdir()
        rates = [f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d},{name},{rate}" for (day, name), rate in RATES.items()]
        settings.currency_rates_path.write_text("\n".join(["date,currency,rate", *rates]) + "\n")
        half = len(rows) // 2
        first = land(settings, folder / "first.parquet", rows[:half])
        run_dbt(settings, "run", "--no-write-json")
        second = land(settings, folder / "second.parquet", rows[half:])
        assert first.quarantined == second.quarantined == 0
        assert first.corrected + second.corrected == len(wrong)
        run_dbt(settings, "build", "--exclude", "test_type:unit", "test_type:generic")
        patch.chdir(folder)
        with open_marts(settings) as connection:
            yield connection


def test_orders_are_what_their_rows_add_up_to(marts: duckdb.DuckDBPyConnection, history: list[list[Row]]) -> None:
    amounts = marts.execute(
        "select order_id, quantity, gross_revenue, refunded_quantity, refunded_revenue, net_revenue, repeated_lines "
        "from orders"
    ).fetchall()
    expected = []
    for rows in history:
        if not rows:
            continue
        order = Settled(rows)
        accounts, euros = order.accounts.values(), order.accounts[""]
        gross, back = sum(euros.amount.values(), Decimal(0)), sum(euros.back_amount.values(), Decimal(0))
        pieces = sum(sum(a.pieces.values()) for a in accounts)
        pieces_back = sum(sum(a.back_pieces.values()) for a in accounts)
        expected.append((rows[0]["order_id"], pieces, gross, pieces_back, back, gross - back, order.repeats))
    assert sorted(amounts) == sorted(expected)


def test_money_without_a_rate_is_in_no_sum_and_still_there(
    marts: duckdb.DuckDBPyConnection, history: list[list[Row]]
) -> None:
    amounts = marts.execute(
        "select split_part(order_key, ':', 2), currency, gross_revenue, refunded_revenue from unconverted_revenue"
    ).fetchall()
    expected = [
        (rows[0]["order_id"], pool, sum(account.amount.values()), sum(account.back_amount.values(), Decimal(0)))
        for rows in history
        if rows
        for pool, account in Settled(rows).accounts.items()
        if pool and (account.pieces or any(account.back_amount.values()))
    ]
    assert sorted(amounts) == sorted(expected)
    assert {currency for _, currency, _, _ in amounts} == {"JPY", "GBP"}


def test_every_mart_that_counts_purchases_counts_the_same_ones(marts: duckdb.DuckDBPyConnection) -> None:
    counts = {
        "lines": "select sum(purchases) from sessions",
        "item demand": "select sum(purchases) from item_demand_daily",
        "category demand": "select sum(purchases) from category_demand_daily",
        "interactions": "select count(*) from interactions where event_name = 'purchase'",
        "cohorts": "select sum(purchases) from cohorts where cohort = 'first_purchase' and period = 'week'",
        "item features": "select sum(p) from "
        "(select max(purchases_total) as p from item_quality_features_daily group by item_id)",
    }
    assert len({marts.execute(query).fetchall()[0][0] for query in counts.values()}) == 1
    revenues = {
        "orders": "select sum(gross_revenue) from orders",
        "order items": "select sum(gross_revenue) from order_items",
        "users": "select sum(revenue) from users",
        "sessions": "select sum(revenue) from sessions",
        "item demand": "select sum(gross_revenue) from item_demand_daily",
        "category demand": "select sum(gross_revenue) from category_demand_daily",
        "cohorts": "select sum(revenue) from cohorts where cohort = 'first_purchase' and period = 'week'",
        "user features": "select sum(r) from (select max_by(revenue_28d, feature_timestamp) as r "
        "from user_features_daily where feature_timestamp < timestamptz '2026-03-28' group by user_id)",
    }
    figures = {name: round(float(marts.execute(query).fetchall()[0][0]), 2) for name, query in revenues.items()}
    assert len({figures[name] for name in figures if name != "user features"}) == 1, figures


def test_what_is_given_back_is_given_back_once_everywhere(marts: duckdb.DuckDBPyConnection) -> None:
    orders, items, days, customers, credits = (
        marts.execute(query).fetchall()[0][0]
        for query in (
            "select sum(refunded_revenue) from orders",
            "select sum(refunded_revenue) from order_items",
            "select sum(refunded_revenue) from item_demand_daily",
            "select sum(net_revenue) from rfm",
            "select sum(net_revenue) from orders where user_id in (select user_id from rfm)",
        )
    )
    # Of an order that is not in the log and was refunded by its number, no item is known.
    unknown = marts.execute("select sum(refunded_revenue) from order_items where item_id is null").fetchall()[0][0] or 0
    assert orders == items == days + unknown
    assert customers == credits
    below_zero = "select count(*) from orders where net_revenue < 0 and ordered_at is not null"
    assert marts.execute(below_zero).fetchall() == [(0,)]
