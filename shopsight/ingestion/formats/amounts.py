"""Spreads what an order says of itself as a whole (a discount, its revenue) over its lines, to the cent."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

CENT: Final = 0.01
FINEST: Final = 0.0001
"""The unit of amounts that are no whole cents: events keep four places."""


def spread(
    amounts: NDArray[np.float64], weights: NDArray[np.float64], orders: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Divide each order's amount over its lines in proportion to their weights, by the largest remainder.

    The parts of an order add up to its amount exactly, and differ from the exact share by less than a unit: a cent, or
    a ten-thousandth where the amount is no whole cents.

    Args:
        amounts: the order's amount on each of its lines, in the order's currency; NaN where there is none.
        weights: what each line counts, 0 or more; an order whose lines all count 0 or nothing is divided equally.
        orders: which order each line belongs to, in any numbering.

    Returns:
        Each line's part; NaN where its order has no amount.
    """
    given = np.flatnonzero(~np.isnan(amounts))
    parts = np.full(len(amounts), np.nan)
    if not len(given):
        return parts
    _, first, order = np.unique(orders[given], return_index=True, return_inverse=True)
    amount = amounts[given][first]
    weight = np.where(np.isnan(weights[given]), 0.0, np.maximum(weights[given], 0.0))
    weight = np.where(np.bincount(order, weight)[order] > 0, weight, 1.0)
    unit = np.where(np.abs(amount / CENT - np.round(amount / CENT)) < 1e-6, CENT, FINEST)
    units = np.round(np.abs(amount) / unit)
    exact = units[order] * weight / np.bincount(order, weight)[order]
    whole = np.floor(exact + 1e-9)
    left_over = np.round(units - np.bincount(order, whole)).astype(np.int64)
    # Lines of an order by the size of what was cut off, the earlier line first among equals.
    by_remainder = np.lexsort((np.arange(len(order)), -np.round(exact - whole, 9), order))
    starts = np.concatenate([[0], np.cumsum(np.bincount(order))[:-1]])
    rank = np.empty(len(order), dtype=np.int64)
    rank[by_remainder] = np.arange(len(order)) - starts[order[by_remainder]]
    whole += rank < left_over[order]
    parts[given] = np.round(np.sign(amount)[order] * whole * unit[order], 4)
    return parts
