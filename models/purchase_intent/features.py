"""The shape of a session from its events, as the mart ``session_features`` computes it: one definition in two places.

Training reads the mart; a service computes the same columns from the events of its request. A parity test holds the
two together on the sample shop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

CHECKOUT_EVENTS = frozenset({"begin_checkout", "purchase"})
"""From the first of these on, nothing is left to predict: the mart has no rows there."""


@dataclass(frozen=True, kw_only=True)
class SessionEvent:
    """One event of a session, as far as its shape needs it."""

    event_name: str
    event_timestamp: datetime
    """When it happened, with a time zone."""
    item_id: str | None = None
    category: str | None = None
    """The event's own category, else the catalogue's."""
    price: float | None = None


def session_features(events: Sequence[SessionEvent]) -> dict[str, float | str | None]:
    """Return ``contracts.SESSION_FEATURES`` after the last of the events, without those from the first checkout on.

    Events of one instant keep the order that they are given in. All times are told from the events, none from a clock.

    Raises:
        ValueError: no event comes before the checkout, or a time has no time zone.
    """
    if any(event.event_timestamp.tzinfo is None for event in events):
        raise ValueError("event_timestamp needs a time zone")
    # Within one zone Python compares the clock on the wall, on which the hour that summer time repeats is one hour.
    ordered = sorted((replace(e, event_timestamp=e.event_timestamp.astimezone(UTC)) for e in events), key=_moment)
    checkout = next((event.event_timestamp for event in ordered if event.event_name in CHECKOUT_EVENTS), None)
    seen = [event for event in ordered if checkout is None or event.event_timestamp < checkout]
    if not seen:
        raise ValueError("a session without events before its checkout has no shape")
    first, last = seen[0], seen[-1]
    previous = seen[-2] if len(seen) > 1 else last
    names = [event.event_name for event in seen]
    prices = [float(event.price) for event in seen if event.price is not None]
    at = last.event_timestamp
    return {
        "events_so_far": len(seen),
        "views_so_far": names.count("view_item"),
        "searches_so_far": names.count("search"),
        "wishlists_so_far": names.count("add_to_wishlist"),
        "carts_so_far": names.count("add_to_cart"),
        "cart_removals_so_far": names.count("remove_from_cart"),
        "cart_views_so_far": names.count("view_cart"),
        "distinct_items_so_far": len({event.item_id for event in seen} - {None}),
        "distinct_categories_so_far": len({event.category for event in seen} - {None}),
        "seconds_since_start": (last.event_timestamp - first.event_timestamp).total_seconds(),
        "seconds_since_last_event": (last.event_timestamp - previous.event_timestamp).total_seconds(),
        "min_price_so_far": min(prices, default=None),
        "mean_price_so_far": sum(prices) / len(prices) if prices else None,
        "max_price_so_far": max(prices, default=None),
        "hour_of_day": at.hour,
        "day_of_week": at.isoweekday(),
        "last_event_name": last.event_name,
    }


def _moment(event: SessionEvent) -> datetime:
    return event.event_timestamp
