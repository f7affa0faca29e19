"""Contributions in words that somebody who reads a visit, not a table, understands."""

import math
from typing import Final

_PHRASES: Final = {
    "events_so_far": "{:.0f} steps so far",
    "views_so_far": "{:.0f} items viewed so far",
    "searches_so_far": "{:.0f} searches so far",
    "wishlists_so_far": "{:.0f} items put on the wishlist",
    "carts_so_far": "{:.0f} items put into the cart",
    "cart_removals_so_far": "{:.0f} items taken out of the cart",
    "cart_views_so_far": "the cart was opened {:.0f} times",
    "distinct_items_so_far": "{:.0f} different items so far",
    "distinct_categories_so_far": "{:.0f} categories so far",
    "seconds_since_start": "here for {:.0f} seconds",
    "seconds_since_last_event": "{:.0f} seconds since the step before",
    "min_price_so_far": "the cheapest item seen costs {:.2f}",
    "mean_price_so_far": "items seen cost {:.2f} on average",
    "max_price_so_far": "the dearest item seen costs {:.2f}",
    "hour_of_day": "it is {:.0f} o'clock (UTC)",
    "last_event_name": "the last step was {}",
    "events_7d": "{:.0f} steps in the 7 days before",
    "views_28d": "{:.0f} items viewed in the 28 days before",
    "carts_28d": "{:.0f} items put into the cart in the 28 days before",
    "purchases_28d": "{:.0f} items bought in the 28 days before",
    "sessions_28d": "{:.0f} visits in the 28 days before",
    "revenue_28d": "spent {:.2f} in the 28 days before",
    "distinct_items_28d": "{:.0f} different items in the 28 days before",
    "mean_price_28d": "items of the 28 days before cost {:.2f} on average",
    "orders_total": "{:.0f} orders ever",
    "days_since_first_event": "known for {:.0f} days",
    "days_since_last_event": "last here {:.0f} days ago",
    "days_since_last_order": "the last order was {:.0f} days ago",
    "favourite_category": "mostly looks at {}",
}
_ABSENT: Final = {
    "min_price_so_far": "no price seen yet",
    "mean_price_so_far": "no price seen yet",
    "max_price_so_far": "no price seen yet",
    "days_since_last_order": "no order so far",
    "favourite_category": "no favourite category yet",
}
"""What it means that a feature has no value; of any other, that nobody knows the shopper."""
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def in_words(feature: str, value: float | str | None, *, raises: bool) -> str:
    """Return a feature and what it does, such as "2 items put into the cart, which raises the chance"."""
    return f"{_fact(feature, value)}, which {'raises' if raises else 'lowers'} the chance"


def _fact(feature: str, value: float | str | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _ABSENT.get(feature, "not seen on an earlier day")
    if feature == "day_of_week":
        return f"it is {_WEEKDAYS[int(value) - 1]}"
    return _PHRASES[feature].format(value.replace("_", " ") if isinstance(value, str) else value)
