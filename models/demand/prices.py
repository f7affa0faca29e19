"""What prices did, as a table for people who set them: ``price_insights``. Nothing here changes a price."""

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from models.demand.elasticity import Elasticities
from models.demand.panel import period_of

SCHEMA: Final = pa.schema(
    [
        ("item_id", pa.string()),
        ("elasticity", pa.float64()),
        ("elasticity_low", pa.float64()),
        ("elasticity_high", pa.float64()),
        ("cross_elasticity", pa.float64()),
        ("is_trusted", pa.bool_()),
        ("not_trusted_because", pa.string()),
    ]
)


def weekly(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of days added up to weeks; those of weeks and months as they are."""
    if period_of(pd.DatetimeIndex(rows["date"])) != "day":
        return rows
    week = rows["date"].dt.to_period("W-SUN").dt.start_time
    priced = rows.assign(date=week, paid=rows["units"].clip(lower=1e-6) * rows["price"])
    priced["counted"] = rows["units"].clip(lower=1e-6).where(rows["price"].notna())
    keys = [name for name in ("item_id", "store", "category", "date") if name in rows]
    sums = {"units": ("units", "sum"), "paid": ("paid", "sum"), "counted": ("counted", "sum")}
    extra = {"promotion": ("promotion", "mean")} if "promotion" in rows else {}
    table = priced.groupby(keys, dropna=False).agg(**sums, **extra).reset_index()
    table["price"] = table["paid"] / table["counted"].where(table["counted"] > 0)
    return table.drop(columns=["paid", "counted"])


def price_table(answers: Elasticities) -> pa.Table:
    """Return a row per item; what could not be estimated is null."""
    numbers = (answers.own, answers.low, answers.high, answers.cross)
    reasons = [str(reason) or None for reason in answers.distrust]
    columns = [
        pa.array(answers.item_ids),
        *(pa.array(np.asarray(one, dtype=np.float64), from_pandas=True) for one in numbers),
        pa.array([reason is None for reason in reasons]),
        pa.array(reasons, pa.string()),
    ]
    return pa.table(columns, schema=SCHEMA)
