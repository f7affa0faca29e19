import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.demand.sales import read_sales
from benchmarks.price.__main__ import log_log
from models.demand.elasticity import prepared
from shopsight.settings import REPO_ROOT, Settings

ORANGE_JUICE = REPO_ROOT.parent / "shared" / "data" / "dominicks_orange_juice" / "yx.csv.gz"


def test_the_command_prints_an_elasticity_an_interval_and_errors_out_of_time(tmp_path):
    rng = np.random.default_rng(3)
    weeks = pd.date_range("2025-01-06", periods=60, freq="7D")
    rows = []
    for item in range(4):
        move = rng.normal(0, 0.2, 60)
        units = rng.poisson(80 * np.exp(-1.5 * move))
        rows.append(pd.DataFrame({"item_id": f"i{item}", "date": weeks, "units": units, "price": 5 * np.exp(move)}))
    pd.concat(rows).to_csv(tmp_path / "sales.csv", index=False)
    command = [sys.executable, "-m", "benchmarks.price", "--sales", str(tmp_path / "sales.csv")]
    done = subprocess.run(command, cwd=REPO_ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert [one["trust"] for one in figures["per_item"]] == [True] * 4
    for one in figures["per_item"]:
        low, high = one["interval"]
        assert low < one["elasticity"] < high
        assert one["elasticity"] == pytest.approx(-1.5, abs=0.3)
    assert set(figures["out_of_time"]) >= {"proposed", "naive_log_log", "no_price"}
    assert figures["out_of_time"]["proposed"]["wape"] < figures["out_of_time"]["no_price"]["wape"]


def test_the_baseline_knows_the_slope_of_prices_that_nothing_misleads():
    dates = pd.date_range("2025-01-06", periods=40, freq="7D")
    price = np.exp(np.random.default_rng(1).normal(0, 0.3, 40))
    table = prepared(pd.DataFrame({"item_id": "a", "date": dates, "units": 1000 * price**-2.0, "price": price}))
    assert log_log(table.head(30), table.tail(10)) == pytest.approx(table.tail(10)["units"].to_numpy(), rel=1e-6)


@pytest.mark.skipif(not ORANGE_JUICE.exists(), reason="the sales of orange juice are not here")
def test_orange_juice_is_read_with_the_brands_own_price():
    rows = read_sales(str(ORANGE_JUICE), Settings()).rows
    first = rows.iloc[0]
    assert (first["item_id"], first["store"], str(first["date"].date())) == ("1", "2", "1990-06-14")
    assert first["price"] == pytest.approx(0.06046875)
    assert first["units"] == pytest.approx(np.exp(9.0186954877))
