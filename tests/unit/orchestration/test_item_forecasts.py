"""The asset of forecasts: what it writes of a home's days, and that it writes nothing where these are too few."""

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from orchestration.defs.insights.demand import item_forecasts, price_insights
from shopsight.settings import Settings


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


def test_forecasts_add_up_know_the_weekend_and_say_what_cannot_be_forecast(tmp_path):
    home = Settings(home=tmp_path / "home")
    fill(home, 121)
    result = dg.materialize([item_forecasts], resources={"settings": home}, selection=[item_forecasts])
    [event] = result.asset_materializations_for_node("item_forecasts")
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
    result = dg.materialize([item_forecasts], resources={"settings": home}, selection=[item_forecasts])
    assert result.success
    assert result.asset_materializations_for_node("item_forecasts") == []
    assert not (home.exports_dir / "item_forecasts.parquet").exists()


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
