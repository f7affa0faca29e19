"""The list of orders as the export ``reorder_list``, and as CSV for whoever places the orders."""

from typing import Final

import pandas as pd
import pyarrow as pa

_NUMBERS_BEFORE: Final = (
    "order_units",
    "order_value",
    "units_on_hand",
    "units_on_order",
    "days_to_last",
    "expected_units",
    "reorder_point",
    "order_up_to",
    "service_level",
    "chance_out",
)
_NUMBERS_AFTER: Final = ("excess_units",)
_MONEY: Final = ("unit_cost", "lost_units", "lost_margin", "last_month_forecast", "last_month_sold")
SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("item_id", "title", "category", "supplier")),
        ("listed_on", pa.date32()),
        *((name, pa.float64()) for name in _NUMBERS_BEFORE),
        ("runs_out_on", pa.date32()),
        *((name, pa.float64()) for name in _NUMBERS_AFTER),
        ("is_dead", pa.bool_()),
        *((name, pa.float64()) for name in _MONEY),
        *((name, pa.string()) for name in ("reason", "cannot_say_because", "assumed")),
    ]
)
CSV_COLUMNS: Final = ("supplier", "item_id", "title", "order_units", "order_value", "runs_out_on", "reason")


def reorder_table(orders: pd.DataFrame) -> pa.Table:
    """Return the list as :func:`models.stock.plan.plan_orders` makes it, in :data:`SCHEMA`; nothing said is null."""
    columns = {}
    for field in SCHEMA:
        column = orders[field.name]
        if pa.types.is_date(field.type):
            column = column.dt.date
        if pa.types.is_string(field.type):
            column = column.where(column.notna() & (column != ""), None)
        columns[field.name] = pa.array(column, type=field.type, from_pandas=True)
    return pa.table(columns, schema=SCHEMA)
