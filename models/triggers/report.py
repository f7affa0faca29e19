"""What a trigger added: shoppers whom it was sent to beside those held out, from the first time that it was due.

Everybody counts by what was decided, also where a webhook failed: the lot decided, and nothing else may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from models.campaigns.lift import Lift, lift, lot_is_off


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Orders and money that a trigger added to each shopper within its days."""

    sent: int
    """Shoppers whose days are over."""
    held_out: int
    not_over: int
    """Shoppers of whom it is too early to speak."""
    orders: Lift | None
    """None where a side is too small to say."""
    money: Lift | None
    broken: str | None
    """Why the hold-out cannot be trusted; nothing is claimed then."""
    verdict: str


def effect(
    firings: pd.DataFrame, orders: pd.DataFrame, *, effect_days: int, hold_out: float, read_until: datetime
) -> Effect:
    """Return what came of one trigger.

    Args:
        firings: user_id, at (aware) and decision (``sent`` or ``held_out``) of one trigger.
        orders: user_id, ordered_at (aware) and net_revenue.
        effect_days: for how long orders are counted.
        hold_out: the share that is drawn.
        read_until: until when orders are there.
    """
    first = firings.sort_values("at").drop_duplicates("user_id")
    over = first[first["at"] + timedelta(days=effect_days) <= read_until]
    joined = over.merge(orders, on="user_id", how="left")
    within = (joined["ordered_at"] > joined["at"]) & (
        joined["ordered_at"] <= joined["at"] + timedelta(days=effect_days)
    )
    came = joined[within].groupby("user_id")["net_revenue"].agg(["size", "sum"])
    count = over["user_id"].map(came["size"]).fillna(0).to_numpy(np.float64)
    money = over["user_id"].map(came["sum"]).fillna(0).to_numpy(np.float64)
    out = (over["decision"] == "held_out").to_numpy(bool)
    sent, held_out = int((~out).sum()), int(out.sum())
    broken = None
    if len(out) and lot_is_off(sent, held_out, hold_out):
        broken = f"{held_out} of {len(out)} shoppers are held out, which is not what a lot of {hold_out:.0%} draws"
    added = lift(count[~out], count[out])
    return Effect(
        sent=sent,
        held_out=held_out,
        not_over=len(first) - len(over),
        orders=added,
        money=lift(money[~out], money[out]),
        broken=broken,
        verdict=_verdict(added, broken, (sent, held_out)),
    )


def _verdict(added: Lift | None, broken: str | None, sides: Sequence[int]) -> str:
    if broken is not None:
        return f"nothing is claimed: {broken}"
    if added is None:
        return f"too few to say: {sides[0]} sent and {sides[1]} held out, whose days are over; 20 of each are wanted"
    if not added.is_sure:
        return "no effect to be found"
    return "it added orders" if added.per_shopper.value > 0 else "it cost orders"
