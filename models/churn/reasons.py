"""Contributions in words that somebody who plans a campaign reads."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

BG_NBD: Final = "bg_nbd"
"""The contribution of BG/NBD, on whose log odds the trees grow."""


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """How far one feature moved the log odds of churn."""

    feature: str
    value: float | None
    log_odds: float
    words: str
    """The same for somebody who plans a campaign."""


@dataclass(frozen=True, kw_only=True)
class ExplainedChurn:
    """A probability and what made it; ``base_log_odds`` and all contributions add up to its log odds."""

    probability: float
    base_log_odds: float
    contributions: tuple[Contribution, ...]
    """All features, the strongest first."""


_PHRASES: Final = {
    "days_since_last_order": "the last order was {:.0f} days ago",
    "days_since_first_order": "a customer for {:.0f} days",
    "orders": "{:.0f} orders so far",
    "days_with_orders": "ordered on {:.0f} days so far",
    "mean_gap_days": "orders every {:.0f} days on average",
    "gap_spread_days": "the time between orders varies by {:.0f} days",
    "longest_gap_days": "never waited longer than {:.0f} days",
    "last_gap_days": "{:.0f} days lay between the last two orders",
    "gap_before_last_days": "{:.0f} days lay between the two orders before",
    "wait_over_mean_gap": "has waited {:.1f} times as long as usual",
    "wait_over_longest_gap": "has waited {:.1f} times as long as ever before",
    "mean_order_value": "spends {:.2f} an order on average",
    "order_value_spread": "what an order brings varies by {:.2f}",
    "last_order_value": "the last order brought {:.2f}",
    "last_to_mean_order_value": "the last order was {:.1f} times the usual one",
    "revenue": "has spent {:.2f} so far",
    "active_share_of_months": "ordered in {:.0%} of the months",
    "bg_nbd_alive": "still a customer with a chance of {:.0%}, by the rhythm of the orders",
    "bg_nbd_no_order": "orders no more in this time with a chance of {:.0%}, by their rhythm",
    "bg_nbd": "the rhythm of the orders alone says {:.0%}",
    "days_since_last_event": "last seen {:.0f} days ago",
    "events_7d_at_last_visit": "did {:.0f} things in the week of the last visit",
    "views_28d_at_last_visit": "looked at {:.0f} items in the month of the last visit",
    "carts_28d_at_last_visit": "put {:.0f} items into the cart in the month of the last visit",
    "sessions_28d_at_last_visit": "came {:.0f} times in the month of the last visit",
    "distinct_items_28d_at_last_visit": "looked at {:.0f} different items in the month of the last visit",
    "mean_price_28d_at_last_visit": "looked at items of {:.2f} on average",
}


def in_words(feature: str, value: float, *, raises: bool) -> str:
    """Return a feature and what it does, such as "the last order was 40 days ago, which raises the risk"."""
    effect = "raises" if raises else "lowers"
    if math.isnan(value):
        return f"too few orders to tell {feature.replace('_', ' ')}, which {effect} the risk"
    return f"{_phrase(feature).format(value)}, which {effect} the risk"


@cache
def _phrase(feature: str) -> str:
    if feature in _PHRASES:
        return _PHRASES[feature]
    if "half_life" in feature:
        _, _, days = feature.partition("d_half_life")[0].rpartition("_")
        return f"orders {{:.2f}} times a day of late (half-life {days} days)"
    kind, _, days = feature.removesuffix("d").rpartition("_")
    return f"spent {{:.0f}} in {days} days" if kind == "revenue" else f"{{:.0f}} {kind} in {days} days"
