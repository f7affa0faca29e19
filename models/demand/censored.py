"""Demand that a stock-out hid: sales of a day on which an item could not be bought say nothing of who wanted it.

Such sales are censored: demand was that much or more. A forecast that learns from them as they are learns to order too
little, and sells less again. They are filled up, before anything is learnt, with what the item sold a day while it
could be bought; only days before count, so that no forecast at an earlier origin sees what came after it.

Shapes: N items, T periods.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from models.demand.panel import Floats, Panel

MAX_DAYS_BEFORE: Final = 56
"""Days on sale before a stock-out whose mean stands for it."""
MIN_DAYS_BEFORE: Final = 3.0
"""Below so many days on sale before it nothing is filled up: there is nothing to fill up with."""


def sold_out_shares(panel: Panel, outages: pd.DataFrame) -> Floats:
    """Return the share of each day on which an item could not be bought, shape (N, T); of days alone.

    Args:
        panel: sales by day.
        outages: ``item_id, begins, ends`` (UTC without a zone; ``ends`` null while it lasts); they do not overlap.
    """
    shares = np.zeros(panel.units.shape)
    if panel.period != "day" or outages.empty:
        return shares
    of_panel = outages[outages["item_id"].isin(set(panel.item_ids))]
    item = np.searchsorted(panel.item_ids, of_panel["item_id"].to_numpy(dtype=str))
    day = np.timedelta64(1, "D")
    first, last = panel.starts[0].to_datetime64(), panel.starts[-1].to_datetime64() + day
    begins = np.clip((of_panel["begins"].to_numpy("datetime64[us]") - first) / day, 0.0, panel.periods)
    ends = of_panel["ends"].fillna(pd.Timestamp(last)).to_numpy("datetime64[us]")
    ends = np.clip((ends - first) / day, 0.0, panel.periods)
    days = np.arange(panel.periods)
    for row, begin, end in zip(item, begins, ends, strict=True):
        shares[row] += np.clip(np.minimum(end, days + 1) - np.maximum(begin, days), 0.0, 1.0)
    return np.clip(shares, 0.0, 1.0)


def lost_units(panel: Panel, shares_NT: Floats) -> Floats:
    """Return what each item would have sold while it could not be bought, shape (N, T); 0 where it could."""
    on_sale = (np.arange(panel.periods) >= panel.begins[:, None]) * (1.0 - shares_NT)
    sold, there = _sums_before(panel.units), _sums_before(on_sale)
    usual = np.where(there >= MIN_DAYS_BEFORE, sold / np.maximum(there, MIN_DAYS_BEFORE), 0.0)
    return np.asarray(usual * shares_NT)


def uncensored(panel: Panel, shares_NT: Floats) -> Panel:
    """Return a panel to learn demand from: what was sold, and what stock-outs hid of it, in whole units.

    Parts of a unit add up over an outage until they are one: counts stay counts, and their intervals those of counts.
    """
    lost = np.cumsum(lost_units(panel, shares_NT), axis=1)
    whole = np.diff(np.floor(lost + 0.5), axis=1, prepend=0.0)
    return replace(panel, units=panel.units + whole)


def _sums_before(values_NT: Floats) -> Floats:
    """Return the sum over the days before each day, shape (N, T)."""
    total = np.concatenate([np.zeros((len(values_NT), 1)), np.cumsum(values_NT, axis=1)], axis=1)
    day = np.arange(values_NT.shape[1])
    return np.asarray(total[:, day] - total[:, np.maximum(day - MAX_DAYS_BEFORE, 0)])
