"""The asset of forecasts: what it writes of a home's days, and that it writes nothing where these are too few."""

from datetime import datetime
from decimal import Decimal

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.defs.insights.demand import item_forecasts, price_insights
from shopsight.errors import ShopsightError
from shopsight.events import INVENTORY_SCHEMA
from shopsight.settings import Settings

BOTH = dg.AssetSelection.assets("item_forecasts", "reorder_list")


def fill(home: Settings, days: int) -> None:
    """Give a home the mart of an item that sells steadily, one that hardly does, and one of the last week."""
    rng = np.random.default_rng(2)
    dates = pd.date_range("2026-01-01", periods=days)
    weekend = np.where(dates.weekday >= 5, 2.0, 1.0)
    sold = {"steady": rng.poisson(5 * weekend), "other": rng.poisson(3 * weekend), "rare": np.zeros(days)}
    sold["rare"][5] = 1
    sold["young"] = np.where(np.arange(days) >= days - 7, 2, 0)
    rows = pd.concat(
        pd.DataFrame({"item_id": name, "event_date": dates, "units": units, "category": category, "mean_price": 9.0})
        for (name, units), category in zip(sold.items(), ("A", "A", "B", "B"), strict=True)
    )
    rows = rows[(rows["item_id"] != "young") | (rows["units"] > 0)]
    home.exports_dir.mkdir(parents=True)
    rows.assign(event_date=rows["event_date"].dt.date).to_parquet(home.exports_dir / "item_demand_daily.parquet")
    began = pd.Timestamp("2026-01-01", tz="UTC")
    gone = pd.Timestamp("2026-04-27", tz="UTC")
    versions: list[tuple[object, ...]] = [(name, began, pd.NaT, True) for name in ("steady", "rare", "young")]
    versions += [("other", began, gone, True), ("other", gone, pd.NaT, False)]
    pd.DataFrame(versions, columns=["item_id", "valid_from", "valid_to", "is_available"]).to_parquet(
        home.exports_dir / "item_versions.parquet"
    )
    items = pd.DataFrame({"item_id": list(sold), "title": list(sold), "price": 9.0, "is_listed": True})
    items["is_available"] = items["item_id"] != "other"
    items["described_at"] = items["is_available"].map({True: began, False: gone}).dt.as_unit("us")
    items.to_parquet(home.exports_dir / "items.parquet")


def count(home: Settings, on_hand: dict[str, float], at: str) -> None:
    """Have a home's event log hold a count of its stock."""
    folder = home.event_log_dir / "arrival_date=2026-05-01" / "batch=1"
    folder.mkdir(parents=True)
    moment = datetime.fromisoformat(at)
    rows = [
        {
            "item_id": item,
            "counted_at": moment,
            "units_on_hand": units,
            "unit_cost": Decimal(4),
            "source": "shop",
            "created_timestamp": moment,
        }
        for item, units in on_hand.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=INVENTORY_SCHEMA), folder / "inventory.parquet")


def test_forecasts_add_up_know_the_weekend_and_say_what_cannot_be_forecast(tmp_path):
    home = Settings(home=tmp_path / "home")
    fill(home, 121)
    result = dg.materialize([item_forecasts], resources={"settings": home}, selection=BOTH)
    event, _ = result.asset_materializations_for_node("item_forecasts")
    assert event.metadata["days ahead"].value == 56
    assert event.metadata["items that cannot be forecast"].value == 2
    assert "data:image/svg+xml" in event.metadata["weeks"].value
    table = pq.read_table(home.exports_dir / "item_forecasts.parquet").to_pandas()
    # The newest day may not be over: it is the first that is forecast.
    assert str(table["event_date"].min()) == "2026-05-01"
    by_level = table.groupby(["level", "event_date"])["expected_units"].sum().unstack("level")
    assert by_level["item"].to_numpy() == pytest.approx(by_level["total"].to_numpy())
    assert by_level["category"].to_numpy() == pytest.approx(by_level["total"].to_numpy())
    steady = table[table["name"] == "steady"]
    weekend = pd.to_datetime(steady["event_date"]).dt.weekday >= 5
    assert steady[weekend]["expected_units"].mean() == pytest.approx(10.0, abs=2.0)
    assert steady[~weekend]["expected_units"].mean() == pytest.approx(5.0, abs=1.0)
    assert (steady["units_p10"] < steady["units_p90"]).all()
    reasons = table[table["level"] == "item"].groupby("name")["not_forecast_because"].first()
    assert reasons["rare"] == "too rare"
    assert reasons["young"] == "too young"
    assert table[table["not_forecast_because"].notna()]["units_p50"].isna().all()


def test_a_history_of_three_weeks_gives_no_forecast(tmp_path):
    home = Settings(home=tmp_path / "home")
    fill(home, 21)
    result = dg.materialize([item_forecasts], resources={"settings": home}, selection=BOTH)
    assert result.success
    assert result.asset_materializations_for_node("item_forecasts") == []
    assert not (home.exports_dir / "item_forecasts.parquet").exists()
    assert not (home.exports_dir / "reorder_list.parquet").exists()


def test_the_list_orders_what_runs_out_and_says_why_it_says_nothing_of_others(tmp_path):
    home = Settings(home=tmp_path / "home")
    fill(home, 121)
    count(home, {"steady": 30, "other": 50, "rare": 9}, at="2026-05-01T20:00:00+00:00")
    home.stock_path.write_text("lead_days: 7\nlead_days_deviation: 0\nreview_days: 7\npack_size: 10\n")
    result = dg.materialize([item_forecasts], resources={"settings": home}, selection=BOTH)
    _, event = result.asset_materializations_for_node("item_forecasts")
    assert event.metadata["to order"].value == 2
    rows = pq.read_table(home.exports_dir / "reorder_list.parquet").to_pandas().set_index("item_id")
    # The first of May is sold, and the count was after it: fourteen days of 5 and 10 on weekends from the second on.
    steady = rows.loc["steady"]
    assert str(steady["listed_on"]) == "2026-05-02"
    assert steady["expected_units"] == pytest.approx(10 * 5 + 4 * 10, abs=12)
    assert steady["order_units"] % 10 == 0
    assert 50 < steady["order_units"] < 120
    assert steady["units_on_hand"] + steady["order_units"] >= steady["order_up_to"]
    assert "30 in stock" in steady["reason"]
    assert steady["last_month_forecast"] == pytest.approx(steady["last_month_sold"], rel=0.3)
    # It cannot be bought since four days before the count: its forecast is that of what was wanted.
    assert rows.loc["other", "lost_units"] > 4
    assert rows.loc["other", "expected_units"] > 35
    assert rows.loc["rare", "cannot_say_because"] == "too rare"
    assert bool(rows.loc["rare", "is_dead"])
    assert rows.loc["young", "cannot_say_because"] == "too young"
    assert np.isnan(rows.loc["young", "order_units"])


def test_without_counts_the_levels_are_said_and_no_order(tmp_path):
    home = Settings(home=tmp_path / "home")
    fill(home, 121)
    assert dg.materialize([item_forecasts], resources={"settings": home}, selection=BOTH).success
    rows = pq.read_table(home.exports_dir / "reorder_list.parquet").to_pandas().set_index("item_id")
    assert rows.loc["steady", "cannot_say_because"] == "its stock was not counted"
    assert rows.loc["steady", "order_up_to"] > rows.loc["steady", "expected_units"] > 0
    assert rows["order_units"].isna().all()
    assert "lead_days" in rows.loc["steady", "assumed"]


def test_terms_that_are_not_valid_stop_the_list_but_not_the_forecasts(tmp_path):
    home = Settings(home=tmp_path / "home")
    fill(home, 121)
    home.stock_path.write_text("lead_days: soon\n")
    with pytest.raises(ShopsightError, match="stock terms"):
        dg.materialize([item_forecasts], resources={"settings": home}, selection=BOTH)
    assert (home.exports_dir / "item_forecasts.parquet").exists()


def test_price_insights_know_an_elasticity_of_days_and_are_not_written_of_few_weeks(tmp_path):
    rng = np.random.default_rng(6)
    days = 30 * 7
    moves = {item: np.repeat(rng.normal(0, 0.2, 30), 7) for item in "abc"}
    dates = pd.date_range("2025-01-06", periods=days)
    sold = [
        {"item_id": item, "event_date": date.date(), "units": int(units), "category": "A", "mean_price": price}
        for item, move in moves.items()
        for date, units, price in zip(dates, rng.poisson(20 * np.exp(-2 * move)), 10 * np.exp(move), strict=True)
    ]
    home, young = Settings(home=tmp_path / "home"), Settings(home=tmp_path / "young")
    for settings, rows in ((home, sold), (young, sold[:70])):
        settings.exports_dir.mkdir(parents=True)
        pd.DataFrame(rows).to_parquet(settings.exports_dir / "item_demand_daily.parquet")
        assert dg.materialize([price_insights], resources={"settings": settings}).success
    table = pq.read_table(home.exports_dir / "price_insights.parquet").to_pandas()
    assert table["elasticity"].to_numpy() == pytest.approx(np.full(3, -2.0), abs=0.5)
    assert not (young.exports_dir / "price_insights.parquet").exists()
