"""Who is worth a message: the expected value of keeping each customer, and a hold-out that will tell the truth.

Shapes: R customers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.churn.config import ChurnConfig

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class WinBack:
    """A win-back list: whoever is on it and not held out is written to."""

    value_of_writing: Floats
    """What a message is expected to earn, cost subtracted, in the shop's currency."""
    on_list: Bools
    """Whether it earns anything: the threshold is where benefit meets cost, not a number somebody chose."""
    held_out: Bools
    """On the list and left alone, so that the two groups' later orders show what the messages did."""


def plan_win_back(
    users: Sequence[str], churn: Floats, revenue: Floats, orders: NDArray[np.intp], *, config: ChurnConfig
) -> WinBack:
    """Return who to write to.

    A message brings back ``win_back_rate`` of those who would leave; one brought back spends what they would if they
    stayed: the expected revenue over the chance to stay, which counts as a tenth where it is less, for a small chance
    makes that quotient a guess.

    Args:
        users: ids; a user is held out by a hash of the id, and so stays held out from list to list.
        churn: probability of no order within the horizon.
        revenue: expected revenue within the horizon, churn counted in.
        orders: days with orders so far; nobody without one is written to.
        config: margin, cost, rate and share.
    """
    if_they_stay = revenue / np.maximum(1.0 - churn, 0.1)
    value = churn * config.win_back_rate * config.margin_share * if_they_stay - config.contact_cost
    on_list = (value > 0) & (orders > 0)
    drawn = np.array([_share_of(user) < config.hold_out_share for user in users], dtype=np.bool_)
    return WinBack(value_of_writing=value, on_list=on_list, held_out=on_list & drawn)


def _share_of(user: str) -> float:
    """Return a number in [0, 1) that is the user's own, the same on every day."""
    return int.from_bytes(hashlib.sha256(f"win-back:{user}".encode()).digest()[:6], "big") / 2**48
