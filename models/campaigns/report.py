"""What a launched campaign added, beside its promise, and whether its hold-out can be trusted.

Shapes: A shoppers who were assigned, those held out included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.campaigns.lift import Lift, lift, lot_is_off

SEGMENTS = {"no order before": (0, 0), "one order before": (1, 1), "two orders and more before": (2, 10**9)}
"""Shoppers by the orders they had when the campaign was launched."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Increments of orders and money, with intervals."""

    orders: Lift | None
    """Orders added; None where a side is too small to say."""
    money: Lift | None
    """Net revenue added."""
    margin: float | None
    """Margin added, less what was spent; None with ``money``."""
    spent: float
    """On messages, and on discounts of orders that came."""
    cost_per_order: float | None
    """Spent for each order added; None where none surely was."""
    by_offer: Mapping[str, Lift | None]
    by_segment: Mapping[str, Lift | None]
    broken: tuple[str, ...]
    """Why the hold-out cannot be trusted; nothing is claimed then."""
    verdict: str
    """In words."""


def report(
    assigned: pd.DataFrame,
    orders: pd.DataFrame,
    *,
    offers: Sequence[Mapping[str, Any]],
    hold_out: float,
    margin_share: float,
    reached_held_out: int,
    is_unchanged: bool,
) -> Report:
    """Return what came of a campaign.

    Args:
        assigned: as it was launched: user_id, offer, held_out, orders (before).
        orders: user_id, orders and net_revenue within its days, of whoever ordered.
        offers: name, message_cost and discount of each.
        hold_out: the share that was drawn.
        margin_share: what an order leaves of its money.
        reached_held_out: held-out shoppers whose visits carry the campaign's id.
        is_unchanged: whether the assignment is the one that was launched.
    """
    rows = assigned.merge(orders, on="user_id", how="left", suffixes=("_before", ""))
    count, money = (rows[name].fillna(0.0).to_numpy(np.float64) for name in ("orders", "net_revenue"))
    out = rows["held_out"].to_numpy(bool)
    broken = _broken(out, hold_out, reached_held_out, is_unchanged=is_unchanged)
    prices = {one["name"]: one for one in offers}
    message = rows["offer"].map(lambda name: prices[name]["message_cost"]).to_numpy(np.float64)
    discount = rows["offer"].map(lambda name: prices[name]["discount"]).to_numpy(np.float64)
    spent = float((message + discount * count)[~out].sum())
    whole, whole_money = _lift(count, out, np.ones(len(rows), bool)), _lift(money, out, np.ones(len(rows), bool))
    sure = whole is not None and whole.per_shopper.low > 0 and not broken
    return Report(
        orders=whole,
        money=whole_money,
        margin=None if whole_money is None else whole_money.total.value * margin_share - spent,
        spent=spent,
        cost_per_order=spent / whole.total.value if whole is not None and sure else None,
        by_offer={name: _lift(count, out, (rows["offer"] == name).to_numpy()) for name in prices},
        by_segment={
            name: _lift(count, out, rows["orders_before"].between(low, high).to_numpy())
            for name, (low, high) in SEGMENTS.items()
        },
        broken=tuple(broken),
        verdict=_verdict(whole, broken),
    )


def _lift(values: np.ndarray, out: np.ndarray, where: np.ndarray) -> Lift | None:
    return lift(values[where & ~out], values[where & out])


def _broken(out: np.ndarray, share: float, reached: int, *, is_unchanged: bool) -> list[str]:
    reasons = []
    if not is_unchanged:
        reasons.append("the assignment is not the one that was launched: its digest differs from the journal's")
    if lot_is_off(int((~out).sum()), int(out.sum()), share):
        reasons.append(f"{out.mean():.1%} are held out where the lot takes {share:.0%}: it was not the lot alone")
    if reached:
        reasons.append(f"{reached} shoppers who are held out came by this campaign: it was sent to them")
    return reasons


def _verdict(whole: Lift | None, broken: list[str]) -> str:
    if broken:
        return f"nothing is claimed, for the hold-out is broken: {'; '.join(broken)}"
    if whole is None:
        return "too few shoppers were sent it, or held out, to say anything"
    total = whole.total
    between = f"95% from {total.low:+.0f} to {total.high:+.0f}"
    if not whole.is_sure:
        return f"no effect to be found: {total.value:+.0f} orders ({between})"
    return f"it {'added' if total.value > 0 else 'cost'} {abs(total.value):.0f} orders ({between})"
