"""What an answer may be made from: the request and, where it is to be personal, what is known of its shopper."""

from collections.abc import Sequence
from typing import Any, Final

from models.recommender.predict import HistoryEvent
from serving.features import UserFeatures
from serving.recommender.placements import Visit
from serving.recommender.schemas import RecommendationRequest

SEGMENT_CATEGORIES: Final = 3
"""Of a session's categories the newest count: who went from shoes to bags looks for bags."""

FEATURES: Final = ("item_ids", "event_names", "bought_item_ids", "bought_us", "favourite_category")
"""What a list reads of a shopper's features; no other value of theirs can change an answer."""


def read_features(user: UserFeatures) -> dict[str, Any]:
    """Return what the list reads of a shopper, as the online store gave it; what is empty is left out."""
    values = {name: user.values.get(name) for name in FEATURES}
    return {name: value for name, value in values.items() if value is not None and len(value)}


def visit_of(
    request: RecommendationRequest, user: UserFeatures | None, *, alike: Sequence[tuple[str, float]] = ()
) -> Visit:
    """Return what the answer may be made from; of a request that is not to be personal, nothing of the person.

    Args:
        request: what is asked for.
        user: what is known of its shopper.
        alike: what looks like the items that it is about, and how much.
    """
    history = [] if user is None else zip(user.item_ids, user.event_names, strict=True)
    online = [HistoryEvent(item_id=item, event_name=event) for item, event in history]
    events = request.recent_events if request.personalised else []
    recent = [
        HistoryEvent(item_id=e.item_id, event_name=e.event_name, event_timestamp=e.event_timestamp)
        for e in events
        if e.item_id is not None
    ]
    # What the session is about says more than what the shopper mostly looks at.
    of_events = list(dict.fromkeys(e.category for e in reversed(events) if e.category))[:SEGMENT_CATEGORIES]
    favourite = user.favourite_category if user else None
    return Visit(
        placement=request.placement,
        item_ids=request.item_ids,
        online=online,
        recent=recent,
        bought_at=_bought_at(user, online, recent),
        categories=of_events or ([favourite] if favourite else []),
        alike=alike,
    )


def _bought_at(
    user: UserFeatures | None, online: Sequence[HistoryEvent], recent: Sequence[HistoryEvent]
) -> dict[str, float | None]:
    """Return when each item was last bought, in seconds since 1970; None of what is too new to have a moment."""
    bought_at: dict[str, float | None] = dict(user.bought_at) if user else {}
    for event in online:
        if event.event_name == "purchase":
            bought_at.setdefault(event.item_id, None)
    for event in recent:
        if event.event_name == "purchase":
            bought_at[event.item_id] = event.event_timestamp.timestamp() if event.event_timestamp else None
    return bought_at
