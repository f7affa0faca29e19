"""``shopsight stock``: what it prints, writes, and says where there is nothing to say."""

import csv
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cli.app import app
from models.stock.tables import SCHEMA, reorder_table
from shopsight.settings import Settings

ROW = {
    "title": "Lamp",
    "category": "Home",
    "supplier": "Alder",
    "listed_on": pd.Timestamp("2026-05-02"),
    "order_units": 20.0,
    "order_value": 80.0,
    "units_on_hand": 0.0,
    "units_on_order": 0.0,
    "days_to_last": 14.0,
    "expected_units": 12.0,
    "reorder_point": 19.0,
    "order_up_to": 20.0,
    "service_level": 0.99,
    "chance_out": 1.0,
    "runs_out_on": pd.Timestamp("2026-05-02"),
    "excess_units": 0.0,
    "is_dead": False,
    "unit_cost": 4.0,
    "lost_units": 3.0,
    "lost_margin": 9.0,
    "last_month_forecast": 22.0,
    "last_month_sold": 25.0,
    "reason": "0 in stock: order 20",
    "cannot_say_because": "",
    "assumed": "pack_size",
}
RARE = {
    "item_id": "rare",
    "title": None,
    "order_units": float("nan"),
    "order_value": float("nan"),
    "units_on_hand": 9.0,
    "runs_out_on": pd.NaT,
    "excess_units": float("nan"),
    "is_dead": True,
    "cannot_say_because": "too rare",
}


@pytest.fixture
def home(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path / "home")
    settings.exports_dir.mkdir(parents=True)
    monkeypatch.setenv("SHOPSIGHT_HOME", str(settings.home))
    return settings


@pytest.fixture
def listed(home: Settings) -> Settings:
    orders = pd.DataFrame([ROW | {"item_id": "lamp"}, ROW | RARE])
    pq.write_table(reorder_table(orders), home.exports_dir / "reorder_list.parquet")
    return home


@pytest.mark.usefixtures("listed")
def test_it_prints_what_to_order_with_the_reason_and_what_it_cannot_say() -> None:
    result = CliRunner().invoke(app, ["stock"])
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "to order on 2026-05-02: 1 items for 80.00" in said
    assert "dead stock (there, and nothing of it was sold of late): 1 items: rare" in said
    assert "cannot say of 1 items: too rare" in said
    assert "forecast of the last four weeks: 44 units, sold 50; items were off by 12% of what was sold" in said
    assert "defaults are assumed, as stock.yml does not give them: pack_size (2 items)" in said


@pytest.mark.usefixtures("listed")
def test_json_has_every_item_and_null_for_what_cannot_be_said() -> None:
    document = json.loads(CliRunner().invoke(app, ["stock", "--json"]).stdout)
    lamp, rare = document["rows"]
    assert set(lamp) == set(SCHEMA.names)
    assert (lamp["order_units"], lamp["runs_out_on"], lamp["cannot_say_because"]) == (20.0, "2026-05-02", None)
    assert (rare["order_units"], rare["runs_out_on"], rare["cannot_say_because"]) == (None, None, "too rare")
    assert (document["to_order"], document["dead"], document["sold_out"]) == (1, 1, 1)


@pytest.mark.usefixtures("listed")
def test_the_orders_of_today_go_into_a_file(tmp_path) -> None:
    result = CliRunner().invoke(app, ["stock", "--order-today", "--csv", str(tmp_path / "orders.csv"), "--json"])
    assert [row["item_id"] for row in json.loads(result.stdout)["rows"]] == ["lamp"]
    with (tmp_path / "orders.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["supplier"], row["item_id"], row["order_units"]) == ("Alder", "lamp", "20.0")


def test_terms_that_were_changed_after_the_list_are_named(listed: Settings) -> None:
    listed.stock_path.write_text("lead_days: 3\n")
    assert "stock.yml was changed after this list was made" in " ".join(
        CliRunner().invoke(app, ["stock"]).stdout.split()
    )


@pytest.mark.usefixtures("home")
def test_without_a_list_it_says_what_makes_one() -> None:
    result = CliRunner().invoke(app, ["stock"])
    assert result.exit_code == 1
    assert "there is no list of orders" in result.stderr
