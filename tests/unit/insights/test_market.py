"""A week of the market from planted marts: what was planted is told, noise is not, and each number has its rows."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cli.app import app
from models.insights.findings import Finding, Week
from models.insights.market import MARTS, has_risen, market_of_week
from models.insights.rates import rate_ratio, week_variance
from shopsight.marts import export_path, open_marts
from shopsight.settings import Settings

MONDAY = date(2026, 5, 4)
BEGAN = datetime(2026, 5, 4, tzinfo=UTC)
WEEKS = range(-4, 1)


def searches() -> pd.DataFrame:
    """Return five weeks of searches: one query three times as frequent in the newest, one that finds nothing."""
    rng = np.random.default_rng(3)
    rows = []
    for week in WEEKS:
        shares = {"blue lamp": 0.05 * (3 if week == 0 else 1), "desk": 0.05, "rug": 0.05, "yurt": 0.03, "other": 0.7}
        names, chances = list(shares), np.array(list(shares.values()))
        for shopper in range(800):
            query = rng.choice(names, p=chances / chances.sum())
            query = f"other {rng.integers(10_000)}" if query == "other" else query
            moment = BEGAN + timedelta(weeks=week, minutes=int(rng.integers(7 * 24 * 60)))
            rows.append((f"s{week}-{shopper}", moment, f"u_{shopper}", query, 0 if query == "yurt" else 5))
    columns = ["session_id", "event_timestamp", "user_id", "query", "search_results"]
    return pd.DataFrame(rows, columns=columns)


def looks() -> pd.DataFrame:
    """Return looks at items: those at the first shelf doubled in the newest week; the last item was sold out."""
    rng = np.random.default_rng(4)
    rows = []
    for week in WEEKS:
        weights = np.array([2.0 if week == 0 and item < 4 else 1.0 for item in range(12)])
        for shopper in range(800):
            item = rng.choice(12, p=weights / weights.sum())
            moment = BEGAN + timedelta(weeks=week, minutes=int(rng.integers(7 * 24 * 60)))
            rows.append((f"i_{item}", f"u_{shopper}", moment, "view_item"))
    return pd.DataFrame(rows, columns=["item_id", "user_id", "event_timestamp", "event_name"])


def sales() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return 60 days of sales and visits; the second item sells twice as much while the first one is sold out."""
    rng = np.random.default_rng(5)
    days = [MONDAY + timedelta(days=shift) for shift in range(-53, 7)]
    rows = []
    for place, day in enumerate(days):
        out = 20 <= place < 30
        for item, rate in (("i_0", 0.0 if out else 6.0), ("i_1", 12.0 if out else 6.0), ("i_2", 6.0)):
            rows.append((item, day, int(rng.poisson(rate))))
    visits = pd.DataFrame({"event_date": days, "sessions": [1_000] * len(days)})
    return pd.DataFrame(rows, columns=["item_id", "event_date", "purchases"]), visits


def versions() -> pd.DataFrame:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    out, back = (datetime(2026, 3, 12, tzinfo=UTC) + timedelta(days=20 + days) for days in (0, 10))
    rows: list[tuple[str, datetime, datetime | None, bool]] = [(f"i_{n}", first, None, True) for n in range(1, 11)]
    rows += [("i_0", first, out, True), ("i_0", out, back, False), ("i_0", back, None, True)]
    rows += [("i_11", first, None, False)]
    frame = pd.DataFrame(rows, columns=["item_id", "valid_from", "valid_to", "is_available"])
    return frame.assign(valid_to=pd.to_datetime(frame["valid_to"], utc=True))


def reviews() -> pd.DataFrame:
    rows = [("i_0", "quality", 14, 20), ("i_4", "quality", 10, 100), ("i_8", "quality", 8, 90), ("i_8", "fit", 4, 40)]
    frame = pd.DataFrame(rows, columns=["item_id", "aspect", "complained", "mentions"])
    return frame.assign(week=MONDAY, category="Home")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    sold, visits = sales()
    items = pd.DataFrame(
        {
            "item_id": [f"i_{n}" for n in range(12)],
            "title": [f"Item {n}" for n in range(12)],
            "category": ["Home > Lamps" if n < 4 else "Home > Rugs" if n < 8 else "Home > Desks" for n in range(12)],
            "brand": ["Acme" if n < 4 else "Borea" for n in range(12)],
        }
    )
    edges = pd.DataFrame(
        {
            "relation": "has_attribute",
            "source_id": [f"item:i_{n}" for n in range(12)],
            "target_id": ["attribute:colour=Blue" if n < 4 else "attribute:colour=Grey" for n in range(12)],
        }
    )
    end = BEGAN + timedelta(days=8)
    sessions = pd.DataFrame({"started_at": [BEGAN - timedelta(weeks=5), end], "ended_at": [BEGAN, end]})
    return {
        "search_clicks": searches(),
        "interactions": looks(),
        "items": items,
        "item_versions": versions(),
        "item_demand_daily": sold,
        "daily_kpis": visits,
        "graph_edges": edges,
        "review_insights": reviews(),
        "sessions": sessions,
    }


@pytest.fixture(scope="module")
def connection(tables: dict[str, pd.DataFrame]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for name, table in tables.items():
            connection.register(f"{name}_rows", table)
            connection.execute(f"create table {name} as from {name}_rows")
        yield connection


@pytest.fixture(scope="module")
def week(connection: duckdb.DuckDBPyConnection) -> Week:
    return market_of_week(connection, MONDAY, zone="UTC", has_reviews=True)


def news(week: Week, kind: str) -> list[str]:
    return [one.subject for one in week.news(kind)]


def test_a_query_that_is_searched_for_more_is_told_and_the_others_are_not(week: Week) -> None:
    assert news(week, "rising_query") == ["blue lamp"]
    assert set(news(week, "rising_word")) == {"blue", "lamp"}
    (one,) = week.news("rising_query")
    assert one.low < (0.15 / 0.98) / (0.05 / 0.88) < one.high


def test_a_category_and_an_attribute_that_are_looked_at_more_are_told(week: Week) -> None:
    assert news(week, "rising_category") == ["Home > Lamps"]
    assert news(week, "rising_attribute") == ["colour=Blue"]


def test_what_is_wanted_and_lacking_is_told(week: Week) -> None:
    assert news(week, "unmet_query") == ["yurt"]
    assert news(week, "unmet_item") == ["i_11"]


def test_a_brand_is_complained_of_where_the_others_are_not(week: Week) -> None:
    (one,) = week.news("pain_point")
    assert (one.subject, one.other, one.count, one.of) == ("Acme", "quality", 14, 20)


def test_an_item_that_takes_anothers_sales_is_told_with_how_much(week: Week) -> None:
    (one,) = week.news("cannibal")
    assert (one.subject, one.other) == ("i_1", "i_0")
    assert one.low < 2 < one.high
    assert week.judged["cannibal"] == 2  # i_2 sold as ever


def test_every_number_is_the_number_of_its_rows(week: Week, connection: duckdb.DuckDBPyConnection) -> None:
    for one in week.findings:
        rows = connection.sql(one.rows)
        summed = {"pain_point": "sum(complained)", "cannibal": "sum(purchases)"}.get(one.kind, "count(*)")
        assert rows.aggregate(summed).fetchall() == [(one.count,)], one
        numbers = connection.sql(one.numbers).fetchall()
        assert numbers == [(one.count, one.of, one.count_before, one.of_before)], one
    assert len({one.kind for one in week.findings}) == 8


def test_weeks_without_a_change_are_told_as_news_seldom_even_where_weeks_differ_by_more_than_chance() -> None:
    rng = np.random.default_rng(11)
    news_weeks, weeks, subjects = 0, 60, 50
    for _ in range(weeks):
        rates = 60 * rng.gamma(20, 1 / 20, size=(subjects, 5))
        counts = rng.poisson(rates)
        between = week_variance(counts[:, 1:], [6_000] * 4) * 1.25
        news_weeks += any(has_risen([rate_ratio(c[0], 6_000, c[1:].sum(), 24_000, between=between) for c in counts]))
    assert news_weeks / weeks < 0.1  # 5% is the level; sums of 60 weeks vary


def test_how_much_weeks_vary_is_what_was_planted() -> None:
    rng = np.random.default_rng(12)
    counts = rng.poisson(60 * rng.gamma(20, 1 / 20, size=(2_000, 4)))
    assert week_variance(counts, [6_000] * 4) == pytest.approx(1 / 20, rel=0.1)
    assert week_variance(rng.poisson(60, size=(2_000, 4)), [6_000] * 4) == pytest.approx(0.0, abs=0.001)


def test_intervals_of_ratios_hold_the_truth() -> None:
    rng = np.random.default_rng(13)
    ratios = [rate_ratio(rng.poisson(30), 1_000, rng.poisson(60), 4_000) for _ in range(500)]
    assert np.mean([one.low <= 2.0 <= one.high for one in ratios]) >= 0.94


def write_marts(home: Settings, tables: dict[str, pd.DataFrame]) -> None:
    home.exports_dir.mkdir(parents=True)
    for name, table in tables.items():
        # In microseconds, as the marts have times.
        schema = pa.Table.from_pandas(table).schema
        times = [n for n, field in enumerate(schema) if pa.types.is_timestamp(field.type)]
        for n in times:
            schema = schema.set(n, schema.field(n).with_type(pa.timestamp("us", tz="UTC")))
        pq.write_table(pa.Table.from_pandas(table, schema=schema), export_path(home, name))


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "“yurt” found nothing for"), ("zh", "“yurt”：搜索它的")],
)
def test_the_brief_tells_it_in_two_languages(
    home: Settings, tables: dict[str, pd.DataFrame], language: str, sentence: str
) -> None:
    write_marts(home, tables)
    done = CliRunner().invoke(app, ["brief", "--language", language], catch_exceptions=False)
    assert sentence in done.stdout
    assert "Item 1" in done.stdout
    assert "shopsight query" in done.stdout


def test_the_brief_of_programs_has_every_number_with_its_query(home: Settings, tables: dict[str, pd.DataFrame]) -> None:
    write_marts(home, tables)
    document = json.loads(CliRunner().invoke(app, ["brief", "--json"], catch_exceptions=False).stdout)
    assert document["week"] == "2026-05-04"
    sentences: list[dict[str, Any]] = [one for section in document["sections"] for one in section["sentences"]]
    assert [one["number"] for one in sentences] == list(range(1, len(sentences) + 1))
    with open_marts(home, MARTS) as marts:
        for one in sentences:
            assert marts.execute(one["rows"]).fetchall()
            assert marts.execute(one["numbers"]).fetchall()


def test_the_asset_writes_the_findings_of_each_week_once_and_both_briefs(
    home: Settings, tables: dict[str, pd.DataFrame]
) -> None:
    import dagster as dg

    from orchestration.defs.insights.market import market_insights

    write_marts(home, tables)
    for _ in range(2):
        made = dg.materialize([market_insights], resources={"settings": home}, selection=[market_insights])
        assert made.success
    table = pq.read_table(export_path(home, "market_insights")).to_pandas()
    assert not table.duplicated(["week", "kind", "subject", "other"]).any()
    assert set(table[table["is_news"]]["kind"]) >= {"rising_query", "unmet_query", "cannibal", "pain_point"}
    assert "yurt" in (home.reports_dir / "brief_en.md").read_text()
    assert "一周" in (home.reports_dir / "brief_zh.md").read_text()


def test_a_week_that_the_marts_do_not_have_is_refused(home: Settings, tables: dict[str, pd.DataFrame]) -> None:
    write_marts(home, tables)
    done = CliRunner().invoke(app, ["brief", "--week", "2026-05-11"])
    assert done.exit_code == 1
    assert "the newest week that is over on 2026-05-04" in done.stderr


@pytest.mark.usefixtures("home")
def test_without_marts_the_brief_says_what_to_do() -> None:
    done = CliRunner().invoke(app, ["brief"])
    assert done.exit_code == 1
    assert "run `shopsight run`" in done.stderr.replace("\n", " ")


def test_findings_are_sorted_by_how_sure_they_are() -> None:
    common: dict[str, Any] = {
        "kind": "rising_query",
        "count": 1,
        "of": 2,
        "value": 2.0,
        "high": 9.0,
        "rows": "",
        "numbers": "",
    }
    findings = [Finding(subject=name, low=low, is_news=True, **common) for name, low in (("a", 1.3), ("b", 1.9))]
    week = Week(begins=MONDAY, findings=findings, judged={}, silent={})
    assert news(week, "rising_query") == ["b", "a"]
