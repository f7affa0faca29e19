"""What the recommender's card says of its limits, and of what it refuses; each by an id that translations go by."""

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "one_shop": "It knows the items and the behaviour of this shop alone, as they were when its training set was made.",
    "new_items_only": "Its figures are about items that a shopper had not met before, among the items known at the "
    "cutoff; they do not say how much a list sells.",
    "cold_items": "An item that nobody has interacted with is placed by what its text and attributes say, beside other "
    "such items alone.",
    "shown_before": "It learns from what shoppers chose out of what they were shown: what was never shown had less "
    "chance to be chosen.",
}
REFUSES: Final[Mapping[str, str]] = {
    "strangers": "A shopper without a history, or a request that wants no personal list, gets no personal list: a more "
    "general one answers, and `fallback` of the answer names it.",
    "unavailable": "An item that is out of stock is shown only where the request asks for such items, and a deleted "
    "one never.",
    "no_probability": "A score puts items in an order and has no unit: it is no probability that somebody buys.",
    "refusing_shoppers": "The history of shoppers who refuse personal use is neither trained on nor read.",
}
