"""A session's shape after one more event, as the marts ``session_features`` and ``session_flow_features`` count it.

The state has no end of the session's events in it, only what counting on needs; a test holds it to the marts over the
same events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

from shopsight.feature_store.live_event import LiveEvent
from shopsight.feature_store.online_rows import EPOCH, MICROSECOND

LAST_STEPS: Final = 10
"""Length of ``last_actions``, and how many events back a repeated one is known."""

COUNTED: Final = {
    "view_item": "views",
    "search": "searches",
    "add_to_wishlist": "wishlists",
    "add_to_cart": "carts",
    "remove_from_cart": "cart_removals",
    "view_cart": "cart_views",
}
CHECKOUT_EVENTS: Final = frozenset({"begin_checkout", "purchase"})
"""From the first of these on, nothing is left to predict: a session moves no more."""


@dataclass(frozen=True, kw_only=True)
class SessionState:
    """The columns of ``session_state_features``, described there."""

    is_checked_out: int = 0
    started_us: int | None = None
    last_us: int | None = None
    events: int = 0
    views: int = 0
    searches: int = 0
    wishlists: int = 0
    carts: int = 0
    cart_removals: int = 0
    cart_views: int = 0
    items_seen: Sequence[str] | None = None
    categories_seen: Sequence[str] | None = None
    price_sum: str | None = None
    prices: int = 0
    price_min: float | None = None
    price_max: float | None = None
    longest_pause: float | None = None
    deepest_position: int | None = None
    recent_actions: Sequence[str] = ()
    recent_items: Sequence[str] = ()
    recent_keys: Sequence[str] = ()

    @classmethod
    def from_row(cls, values: Mapping[str, Any]) -> "SessionState":
        """Return the state that a row holds."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def values(self) -> dict[str, Any]:
        """Return the row that holds the state."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def after(self, event: LiveEvent) -> "SessionState | None":
        """Return the state after an event; None where it changes nothing: repeated, checked out, or out of order."""
        at = event.at_us
        is_late = self.last_us is not None and at < self.last_us
        if self.is_checked_out or is_late or event.key in self.recent_keys:
            return None
        if event.event_name in CHECKOUT_EVENTS:
            return replace(self, is_checked_out=1)
        pause = 0.0 if self.last_us is None else (at - self.last_us) / 1_000_000
        price = None if event.price is None else float(event.price)
        counted = COUNTED.get(event.event_name)
        moved = replace(
            self,
            started_us=at if self.started_us is None else self.started_us,
            last_us=at,
            events=self.events + 1,
            items_seen=_with(self.items_seen, event.item_id),
            categories_seen=_with(self.categories_seen, event.category),
            longest_pause=max(self.longest_pause or 0.0, pause),
            deepest_position=_greatest(self.deepest_position, event.list_position),
            recent_actions=[*self.recent_actions, event.event_name][-LAST_STEPS:],
            recent_items=[*self.recent_items, event.item_id or ""][-LAST_STEPS:],
            recent_keys=[*self.recent_keys, event.key][-LAST_STEPS:],
        )
        if counted is not None:
            moved = replace(moved, **{counted: getattr(self, counted) + 1})
        if event.price is None or price is None:
            return moved
        return replace(
            moved,
            price_sum=str(Decimal(self.price_sum or "0") + event.price),
            prices=self.prices + 1,
            price_min=price if self.price_min is None else min(self.price_min, price),
            price_max=_greatest(self.price_max, price),
        )

    def features(self, *, before: "SessionState") -> dict[str, Any]:
        """Return ``contracts.SESSION_FEATURES`` and ``contracts.SESSION_FLOW_FEATURES``, of a state that has events."""
        assert self.started_us is not None and self.last_us is not None  # noqa: PT018
        at = (EPOCH + self.last_us * MICROSECOND).astimezone(UTC)
        seconds = (self.last_us - self.started_us) / 1_000_000
        mean = None if self.price_sum is None else float(Decimal(self.price_sum)) / self.prices
        spread = None if self.price_max is None or self.price_min is None else self.price_max - self.price_min
        return {
            "events_so_far": self.events,
            **{f"{name}_so_far": getattr(self, name) for name in COUNTED.values()},
            "distinct_items_so_far": len(self.items_seen or ()),
            "distinct_categories_so_far": len(self.categories_seen or ()),
            "seconds_since_start": seconds,
            "seconds_since_last_event": 0.0 if before.last_us is None else (self.last_us - before.last_us) / 1_000_000,
            "min_price_so_far": self.price_min,
            "mean_price_so_far": mean,
            "max_price_so_far": self.price_max,
            "hour_of_day": at.hour,
            "day_of_week": at.isoweekday(),
            "last_event_name": self.recent_actions[-1],
            "mean_dwell_seconds": seconds / (self.events - 1) if self.events > 1 else None,
            "longest_dwell_seconds": self.longest_pause,
            "deepest_position_so_far": self.deepest_position,
            "price_spread_so_far": spread,
            "cart_rate_so_far": self.carts / self.views if self.views else None,
            "last_actions": list(self.recent_actions),
            "last_items": [item for item in self.recent_items if item] or None,
        }


def _with(seen: Sequence[str] | None, name: str | None) -> list[str] | None:
    if name is None or (seen is not None and name in seen):
        return None if seen is None else list(seen)
    return sorted([*(seen or ()), name])


def _greatest(stored: Any, offered: Any) -> Any:
    if stored is None or offered is None:
        return offered if stored is None else stored
    return max(stored, offered)
