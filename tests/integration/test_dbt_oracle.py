"""Every mart says of a small shop with everything in it what plain Python says of the same rows, value for value."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from batches import land
from mart_oracle.catalogue import CATALOGUE
from mart_oracle.features import FEATURES
from mart_oracle.log import Log, Mart
from mart_oracle.sales import SALES
from mart_oracle.session_features import SESSION_FEATURES
from mart_oracle.visits import VISITS
from random_shop import FIRST_DAY, RATES, VARIABLES, RandomShop

from shopsight.settings import Settings, prepare_environment
from shopsight.warehouse import run_dbt

ORACLES = VISITS | SALES | CATALOGUE | FEATURES | SESSION_FEATURES
SEED = 4


@dataclass(frozen=True)
class Shop:
    """A built warehouse and the log that it was built from."""

    log: Log
    marts: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    settings = Settings(home=tmp_path_factory.mktemp("oracle") / "home")
    rows = RandomShop(SEED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(settings.home))
        prepare_environment(settings)
        settings.home.mkdir()
        rates = [f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d},{name},{rate}" for (day, name), rate in RATES.items()]
        settings.currency_rates_path.write_text("\n".join(["date,currency,rate", *rates]) + "\n")
        land(settings, "a", events=rows.batches["a"], items=rows.items, users=rows.users)
        land(settings, "b", events=rows.batches["b"])
        manifest = {
            "batch_id": "b",
            "rows": len(rows.batches["b"]),
            "accepted": len(rows.batches["b"]) - rows.corrections,
        }
        (settings.event_log_dir / "arrival_date=2026-03-01" / "batch=b" / "manifest.json").write_text(
            json.dumps(manifest)
        )
        run_dbt(settings, "run", "--no-write-json", "--vars", json.dumps(VARIABLES))
        dated = {((FIRST_DAY + timedelta(days=day)).date(), name): rate for (day, name), rate in RATES.items()}
        log = Log(rows.rows(), rows.items, rows.users, dated, VARIABLES)
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as marts:
            marts.execute("set timezone = 'UTC'; set schema = 'marts'")
            yield Shop(log, marts)


def plain(value: Any) -> Any:
    """Return a value that compares across Python and DuckDB: numbers as floats of nine digits."""
    match value:
        case bool() | str() | datetime() | date() | None:
            return value
        case int() | float() | Decimal():
            return float(f"{float(value):.9g}")
        case list() | tuple():
            return [plain(part) for part in value]
    return plain(value.item())


def in_order(rows: Mart) -> list[dict[str, Any]]:
    plain_rows = [{column: plain(value) for column, value in row.items()} for row in rows]
    return sorted(plain_rows, key=lambda row: [str(value) for _, value in sorted(row.items())])


@pytest.mark.parametrize("mart", ORACLES)
def test_a_mart_is_what_its_rows_add_up_to(shop: Shop, mart: str) -> None:
    expected = in_order(ORACLES[mart](shop.log))
    columns = sorted(expected[0])
    rows = shop.marts.execute(f"select {', '.join(columns)} from {mart}").fetchall()
    built = in_order([dict(zip(columns, row, strict=True)) for row in rows])
    differing = [pair for pair in zip(built, expected, strict=False) if pair[0] != pair[1]]
    assert len(built) == len(expected)
    assert differing == []
