"""Why an item is on the list, or not, in words."""

import math
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from models.stock.book import Terms

REMEDIES: Final = {
    "too young": "too young to be forecast: order by items like it",
    "too rare": "sold too rarely to be forecast: order when it is asked for",
    "no longer sold": "nobody has bought it for half a year",
}
"""What to do about an item that cannot be forecast."""


def reasons(table: pd.DataFrame, terms: Sequence[Terms], *, grain: float, horizon: int) -> list[str]:
    """Return a sentence for each row of the list.

    Args:
        table: the list.
        terms: of each row's item.
        grain: units that are counted as one.
        horizon: days that are forecast.
    """
    rows: list[dict[str, Any]] = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    return [_reason(row, one, grain=grain, horizon=horizon) for row, one in zip(rows, terms, strict=True)]


def _reason(row: dict[str, Any], terms: Terms, *, grain: float, horizon: int) -> str:
    cannot = str(row["cannot_say_because"])
    dead = f"; none of the {_units(row['units_on_hand'])} in stock was sold of late" if row["is_dead"] else ""
    if cannot:
        return REMEDIES.get(cannot, cannot) + dead
    there = f"{_units(row['units_on_hand'])} in stock"
    if float(row["units_on_order"]) > 0:
        there += f" and {_units(row['units_on_order'])} on order"
    days = f"{row['days_to_last']:.0f} days"
    if float(row["order_units"]) > 0:
        return (
            f"{there}; {row['expected_units']:.1f} will be sold in the {days} until the next order but one can arrive, "
            f"and {_units(float(row['reorder_point']) + grain)} suffice in {_share(row['service_level'])}: order "
            f"{_units(row['order_units'])}{_lot(float(row['order_units']), terms)}"
        )
    if float(row["reorder_point"]) < 0:
        return (
            f"{there}; {row['expected_units']:.1f} will be sold in {days}: keeping one costs more than it earns{dead}"
        )
    excess = float(row["excess_units"])
    more = f"; {_units(excess)} more than {horizon} days will sell" if excess > 0 and not dead else ""
    return f"{there}: enough for the {days}, order at {_units(row['reorder_point'])} or fewer{more}{dead}"


def _lot(units: float, terms: Terms) -> str:
    if terms.pack_size != 1:
        return f" ({units / terms.pack_size:.0f} of {_units(terms.pack_size)})"
    return f" (the fewest that can be ordered are {_units(terms.min_order)})" if units == terms.min_order > 1 else ""


def _units(value: "float | str") -> str:
    number = float(value)
    return "?" if math.isnan(number) else f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"


def _share(value: "float | str") -> str:
    share = float(value)
    return f"{share:.0%} of cases" if round(share, 2) == round(share, 3) else f"{share:.1%} of cases"
