"""``shopsight stock``: what to order today and why, beside what is in excess, dead or was lost to stock-outs."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.table import Table

from cli.console import err, out, print_json
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_exists, read_mart
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    import pandas as pd

ROWS: Final = 20
"""Rows of a table on the terminal; files and JSON have all."""


def show_stock(*, as_json: bool, order_today: bool, file: Path | None) -> None:
    """Print the list of orders as the newest run made it, and write it as CSV where asked.

    Args:
        as_json: print one JSON document with every row.
        order_today: only what is to be ordered today.
        file: where the CSV goes.

    Raises:
        ShopsightError: there is no list, or ``stock.yml`` is not valid.
    """
    from models.stock.book import StockBook
    from models.stock.tables import CSV_COLUMNS

    settings = Settings()
    path = export_path(settings, "reorder_list")
    if not mart_exists(path):
        raise ShopsightError(
            f"there is no list of orders in {settings.home}",
            why="it is made with the forecasts of demand, from eight weeks of sales on",
            fix="run `make demo`, or `shopsight run` after an import; docs/stock.md says what it needs",
        )
    StockBook.read(settings.stock_path)
    table = read_mart(settings, "reorder_list").to_pandas()
    listed_on = str(table["listed_on"].iloc[0])
    orders = table[table["order_units"] > 0]
    rows = orders if order_today else table
    if file is not None:
        with replaced(file) as staging:
            (rows[list(CSV_COLUMNS)] if order_today else rows).to_csv(staging, index=False)
        err.print(f"{len(rows):,} rows in {escape(str(file))}", soft_wrap=True)
    is_older = settings.stock_path.exists() and settings.stock_path.stat().st_mtime > path.stat().st_mtime
    notes = _notes(table, settings, is_older=is_older)
    if as_json:
        print_json(
            {"listed_on": listed_on, **_sums(table), "notes": notes, "rows": [_plain(row) for row in _dicts(rows)]}
        )
        return
    _show_orders(orders, listed_on)
    if not order_today:
        _show_rest(table)
    for note in notes:
        out.print(f"note: {note}", soft_wrap=True)


def _show_orders(orders: "pd.DataFrame", listed_on: str) -> None:
    value = float(orders["order_value"].sum())
    out.print(f"to order on {listed_on}: {len(orders):,} items for {value:,.2f}", soft_wrap=True)
    if orders.empty:
        return
    table = Table("supplier", "item", "order", "runs out", "why", "last 4 weeks: forecast / sold")
    for row in _dicts(orders.head(ROWS)):
        name = row["title"] or row["item_id"]
        table.add_row(
            escape(row["supplier"] or "-"),
            escape(f"{name}\n{row['item_id']}"),
            f"{row['order_units']:,.0f}",
            str(row["runs_out_on"] or "-"),
            escape(row["reason"]),
            _error(row),
        )
    out.print(table)
    if len(orders) > ROWS:
        out.print(f"… and {len(orders) - ROWS:,} more: --csv FILE or --json has all")


def _show_rest(table: "pd.DataFrame") -> None:
    sums = _sums(table)
    for name, rows, words in (
        ("sold out", table[table["units_on_hand"] == 0], "nothing is there"),
        ("in excess", table[table["excess_units"] > 0], "more than the days that are forecast will sell"),
        ("dead stock", table[table["is_dead"]], "there, and nothing of it was sold of late"),
    ):
        names = ", ".join(str(row["title"] or row["item_id"]) for row in _dicts(rows.head(5)))
        out.print(f"{name} ({words}): {len(rows):,} items{': ' + escape(names) if names else ''}", soft_wrap=True)
    out.print(f"excess is worth {sums['excess_value']:,.2f}", soft_wrap=True)
    out.print(
        f"lost to stock-outs in four weeks: {sums['lost_units']:,.1f} units, {sums['lost_margin']:,.2f} of margin",
        soft_wrap=True,
    )
    cannot = table["cannot_say_because"].value_counts()
    for reason, count in cannot.items():
        out.print(f"cannot say of {count:,} items: {escape(str(reason))}", soft_wrap=True)
    if sums["error"] is not None:
        out.print(
            f"forecast of the last four weeks: {sums['last_month_forecast']:,.0f} units, sold "
            f"{sums['last_month_sold']:,.0f}; items were off by {sums['error']:.0%} of what was sold",
            soft_wrap=True,
        )


def _sums(table: "pd.DataFrame") -> dict[str, Any]:
    orders = table[table["order_units"] > 0]
    judged = table[table["last_month_forecast"].notna()]
    sold = float(judged["last_month_sold"].sum())
    missed = float((judged["last_month_forecast"] - judged["last_month_sold"]).abs().sum())
    return {
        "items": len(table),
        "to_order": len(orders),
        "order_value": float(orders["order_value"].sum()),
        "sold_out": int((table["units_on_hand"] == 0).sum()),
        "in_excess": int((table["excess_units"] > 0).sum()),
        "excess_value": float((table["excess_units"] * table["unit_cost"]).sum()),
        "dead": int(table["is_dead"].sum()),
        "lost_units": float(table["lost_units"].sum()),
        "lost_margin": float(table["lost_margin"].sum()),
        "cannot_say": {str(reason): int(count) for reason, count in table["cannot_say_because"].value_counts().items()},
        "last_month_forecast": float(judged["last_month_forecast"].sum()),
        "last_month_sold": sold,
        "error": missed / sold if sold > 0 else None,
    }


def _notes(table: "pd.DataFrame", settings: Settings, *, is_older: bool) -> list[str]:
    """Return what a reader has to know: defaults that nobody chose, and a list that is older than its terms."""
    notes = []
    assumed = table["assumed"].dropna().str.split(", ").explode().value_counts()
    if len(assumed):
        names = ", ".join(f"{name} ({count:,} items)" for name, count in assumed.items())
        notes.append(f"defaults are assumed, as {settings.stock_path.name} does not give them: {names}")
    if is_older:
        notes.append(f"{settings.stock_path.name} was changed after this list was made; the next run takes it up")
    return notes


def _error(row: dict[str, Any]) -> str:
    forecast = row["last_month_forecast"]
    return "-" if forecast is None or math.isnan(forecast) else f"{forecast:,.1f} / {row['last_month_sold']:,.0f}"


def _dicts(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    import pandas as pd

    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()} for row in rows.to_dict("records")
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if name in ("listed_on", "runs_out_on") and value else value for name, value in row.items()
    }
