"""The random shop as an event log on disk, and its marts compared with what plain Python says of the same rows."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
from batches import land
from mart_oracle.catalogue import CATALOGUE
from mart_oracle.features import FEATURES
from mart_oracle.graph import GRAPH
from mart_oracle.log import Log, Mart
from mart_oracle.sales import SALES
from mart_oracle.session_features import SESSION_FEATURES
from mart_oracle.visits import VISITS
from random_shop import CLOSES_AT, FIRST_DAY, RATES, VARIABLES, RandomShop

from shopsight.settings import Settings

ORACLES: dict[str, Callable[[Log], Mart]] = VISITS | SALES | CATALOGUE | GRAPH | FEATURES | SESSION_FEATURES
"""What makes the rows that each mart has to have."""
DBT_VARIABLES = ("--vars", json.dumps(VARIABLES))
SEED = 4


def land_shop(settings: Settings) -> Log:
    """Write the shop's batches, the manifest of the one that corrects the other, and the rates; return its rows."""
    shop = RandomShop(SEED)
    settings.home.mkdir(parents=True, exist_ok=True)
    rates = [f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d},{name},{rate}" for (day, name), rate in RATES.items()]
    settings.currency_rates_path.write_text("\n".join(["date,currency,rate", *rates]) + "\n")
    land(settings, "a", events=shop.batches["a"], items=shop.items, users=shop.users)
    land(settings, "b", events=shop.batches["b"])
    _write_manifest(settings, "b", rows=len(shop.batches["b"]), corrections=shop.corrections)
    dated = {((FIRST_DAY + timedelta(days=day)).date(), name): rate for (day, name), rate in RATES.items()}
    return Log(shop.rows(), shop.items, shop.users, dated, VARIABLES)


def land_late_batch(settings: Settings) -> None:
    """Write what comes last of all: a view of long ago, a first login, and another price of an order."""
    rows = [row for batch in RandomShop(SEED).batches.values() for row in batch]
    received = {"created_timestamp": CLOSES_AT + timedelta(hours=1)}
    of_users = {row["anonymous_id"] for row in rows if row["user_id"]}
    unknown = next(row for row in rows if row["anonymous_id"] and row["anonymous_id"] not in of_users)
    view = next(row for row in rows if row["event_name"] == "view_item" and row["user_id"])
    order = next(row for row in rows if row["event_name"] == "purchase" and row["price"] and row["user_id"])
    later = {"event_timestamp": view["event_timestamp"] + timedelta(minutes=3)}
    login = {"event_timestamp": CLOSES_AT - timedelta(days=1), "user_id": "u_late"}
    events = [
        {**view, **received, **later, "event_id": "late"},
        {**unknown, **received, **login, "event_id": "login"},
        {**order, **received, "price": order["price"] + 1},
    ]
    land(settings, "c", events=events)
    _write_manifest(settings, "c", rows=len(events), corrections=1)


def _write_manifest(settings: Settings, batch: str, *, rows: int, corrections: int) -> None:
    manifest = {"batch_id": batch, "rows": rows, "accepted": rows - corrections}
    folder = settings.event_log_dir / "arrival_date=2026-03-01" / f"batch={batch}"
    (folder / "manifest.json").write_text(json.dumps(manifest))


def open_marts(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return the marts by name, to be read."""
    connection = duckdb.connect(str(settings.warehouse_path), read_only=True)
    connection.execute("set timezone = 'UTC'; set schema = 'marts'")
    return connection


def expected_rows(log: Log, mart: str) -> Mart:
    """Return the rows that a mart has to have, in an order that only their values say."""
    return _in_order(ORACLES[mart](log))


def built_rows(marts: duckdb.DuckDBPyConnection, mart: str, columns: list[str]) -> Mart:
    """Return the rows that a mart has, in the same order."""
    rows = marts.execute(f"select {', '.join(columns)} from {mart}").fetchall()
    return _in_order([dict(zip(columns, row, strict=True)) for row in rows])


def _in_order(rows: Mart) -> Mart:
    plain = [{column: _plain(value) for column, value in sorted(row.items())} for row in rows]
    return sorted(plain, key=lambda row: [str(value) for value in row.values()])


def _plain(value: Any) -> Any:
    """Return a value that compares across Python and DuckDB: numbers as floats of nine digits."""
    match value:
        case bool() | str() | datetime() | date() | None:
            return value
        case int() | float() | Decimal():
            return float(f"{float(value):.9g}")
        case list() | tuple():
            return [_plain(part) for part in value]
    return _plain(value.item())
