"""What the churn model's card says of its limits, and of what it refuses; each by an id that translations go by."""

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "one_horizon": "It says how likely no order comes within one horizon; other horizons are told by the forecast of "
    "the next order.",
    "other_seasons": "Customers return at other rates in other seasons: the level is that of the newest days whose "
    "outcome was known at the training.",
    "growing_shops": "In a shop's first months customers get older and silent for longer than those it learnt from.",
    "no_cause": "It does not say whether a message brings a customer back; the win-back list's hold-out does.",
}
REFUSES: Final[Mapping[str, str]] = {
    "without_orders": "A customer without an order gets the base rate of all customers, no forecast of value and no "
    "reasons, and `fallback` of the answer says so.",
    "far_orders": "A next order that is more than a year away, or never comes, has no day.",
    "refusing_shoppers": "The orders of customers who refuse personal use are neither trained on nor read.",
}
