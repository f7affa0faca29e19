"""How much of the judged window's money lies in the rows that a culprit touches."""

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.evaluation.drift.values import Reading, numbers_of, plain, text_of

MONEY_NAMES: Final = (
    "revenue",
    "net_revenue",
    "order_value",
    "value",
    "amount",
    "total",
    "sales",
    "line_total",
    "price",
)
"""Last words of names of columns of money, the one that says most of revenue first."""


def money_column(table: pa.Table, readings: Mapping[str, Reading]) -> str | None:
    """Return the column of money, or None where no column of numbers is named like one."""
    names: list[str] = table.column_names
    for word in MONEY_NAMES:
        for name in names:
            is_number = name in readings and readings[name].kind == "number"
            if is_number and re.search(rf"(^|[_\s]){word}$", name, re.IGNORECASE):
                return name
    return None


def share_of_money(
    name: str, reference: pa.Table, current: pa.Table, readings: Mapping[str, Reading], *, money: str
) -> float | None:
    """Return the share of the judged window's money in the rows that a column's change touches.

    Rows are touched whose value is missing, was never there before, or lies beyond the range; where there are none
    such, all rows are: the column moved as a whole. None where the money does not add up to a sum above 0.

    Args:
        name: the column to blame.
        reference: rows as they should be.
        current: rows that are judged.
        readings: what columns hold.
        money: the column of money.
    """
    amounts = numbers_of(plain(current[money]), readings[money])
    amounts = np.where(np.isfinite(amounts), np.maximum(amounts, 0.0), 0.0)
    with np.errstate(over="ignore"):
        total = float(amounts.sum())
    if not 0 < total < float("inf"):
        return None
    touched = _touched(name, reference, current, readings)
    return float(amounts[touched].sum()) / total if touched.any() else 1.0


def _touched(name: str, reference: pa.Table, current: pa.Table, readings: Mapping[str, Reading]) -> NDArray[np.bool_]:
    none = np.zeros(current.num_rows, dtype=bool)
    if name not in readings or name not in current.column_names:
        return none
    before, after = plain(reference[name]), plain(current[name])
    is_missing: NDArray[np.bool_] = (
        np.asarray(pc.is_null(after), dtype=bool) if after.null_count > before.null_count else none
    )
    kind = readings[name].kind
    if kind == "number":
        was, now = numbers_of(before, readings[name]), numbers_of(after, readings[name])
        return np.asarray(is_missing | (now > np.nanmax(was)) | (now < np.nanmin(was)) | np.isinf(now), dtype=bool)
    if kind in ("category", "identity"):
        was_there = pc.is_in(text_of(after), value_set=pc.unique(text_of(before)))
        return np.asarray(is_missing | (~np.asarray(was_there) & np.asarray(pc.is_valid(after))), dtype=bool)
    return is_missing
