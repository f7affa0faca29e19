import gzip
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.demand.sales import read_sales
from models.demand.panel import build_panel
from shopsight.errors import ShopsightError
from shopsight.settings import REPO_ROOT, Settings


def write(path, text):
    path.write_text(text)
    return str(path)


def test_rows_that_are_no_sales_are_left_out_by_reason(tmp_path):
    rows = [
        "item_id,date,units,price",
        "01,2026-01-01,3,2.5",
        "01,2026-01-02,-1,2.5",
        "01,2026-01-03,x,1",
        "01,soon,1,1",
    ]
    rows += [f"01,2026-02-0{day},1,0" for day in range(1, 6)]
    sales = read_sales(write(tmp_path / "sales.csv", "\n".join(rows)), Settings())
    assert sales.left_out == {
        "units below 0: returns are no demand": 1, "units are no number": 1, "the date cannot be read": 1
    }  # fmt: skip
    assert sales.rows["item_id"].unique().tolist() == ["01"]
    # A price of 0 says nothing of the price.
    assert sales.rows["price"].tolist()[0] == 2.5
    assert sales.rows["price"].isna().sum() == 5


def test_a_gzipped_table_with_a_column_per_item_is_read_as_rows(tmp_path):
    path = tmp_path / "wide.csv.gz"
    path.write_bytes(gzip.compress(b"month,7,8\n2025-01,1,0\n2025-02,2,\n2025-03,3,5\n"))
    rows = read_sales(str(path), Settings()).rows
    assert sorted(zip(rows["item_id"], rows["date"].dt.month, rows["units"], strict=True)) == [
        ("7", 1, 1.0), ("7", 2, 2.0), ("7", 3, 3.0), ("8", 1, 0.0), ("8", 3, 5.0)
    ]  # fmt: skip


def test_parquet_gives_the_panel_that_csv_gives(tmp_path):
    table = pd.DataFrame(
        {"item_id": ["a", "b"] * 10, "date": np.repeat(pd.date_range("2026-01-01", periods=10), 2), "units": range(20)}
    )
    table.to_parquet(tmp_path / "sales.parquet")
    table.to_csv(tmp_path / "sales.csv", index=False)
    panels = [build_panel(read_sales(str(tmp_path / f"sales.{kind}"), Settings()).rows) for kind in ("parquet", "csv")]
    assert np.array_equal(panels[0].units, panels[1].units)


def test_dates_that_can_be_read_both_ways_are_refused(tmp_path):
    rows = "item_id,date,units\na,01/02/2026,1\na,03/04/2026,1\n"
    with pytest.raises(ShopsightError, match="a day and a month, or a month and a day"):
        read_sales(write(tmp_path / "sales.csv", rows), Settings())


def test_dates_of_which_one_tells_the_day_are_read_by_it(tmp_path):
    rows = "item_id,date,units\na,01/02/2026,1\na,23/04/2026,1\n"
    dates = read_sales(write(tmp_path / "sales.csv", rows), Settings()).rows["date"]
    assert [str(date.date()) for date in dates] == ["2026-02-01", "2026-04-23"]


def test_a_file_without_sales_says_what_is_missing(tmp_path):
    with pytest.raises(ShopsightError, match="missing: date, units"):
        read_sales(write(tmp_path / "sales.csv", "item_id,amount\na,1\n"), Settings())


def test_the_command_prints_every_figure_of_weekly_sales(tmp_path):
    rng = np.random.default_rng(5)
    weeks = pd.date_range("2025-01-06", periods=40, freq="7D")
    rates = np.append(rng.uniform(2, 20, 8), [0.2, 0.3])
    rows = [
        (f"i{item}", week.date(), rng.poisson(rate), "A" if item % 2 else "B")
        for item, rate in enumerate(rates)
        for week in weeks
    ]
    pd.DataFrame(rows, columns=["item_id", "date", "units", "category"]).to_csv(tmp_path / "sales.csv", index=False)
    command = [sys.executable, "-m", "benchmarks.demand", "--sales", str(tmp_path / "sales.csv"), "--processes", "1"]
    done = subprocess.run([*command, "--origins", "1"], cwd=REPO_ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["period"], figures["horizon"], figures["items"]) == ("week", 8, 10)
    assert set(figures["baselines"]) == {"seasonal_naive", "ses", "ets", "croston"}
    assert set(figures["by_level"]) == {"total", "category", "item"}
    # Poisson sales of a constant rate: nothing can be much better than their mean, and this must not be worse.
    assert figures["wrmsse"] < 1.1 * figures["baselines"]["ets"]["wrmsse"]
    assert figures["wrmsse"] < figures["baselines"]["seasonal_naive"]["wrmsse"]
    assert 0.6 < figures["coverage_80"] < 0.95
