"""An entity's rows after its next events: of each view that a push moves, what the mart will say of the same events.

Each function takes the row that is held and returns the one to write, or None where the events change nothing.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from shopsight.contracts import HISTORY_LENGTH, PURCHASES_LENGTH
from shopsight.feature_store.live_event import LiveEvent
from shopsight.feature_store.online_rows import EVENT_US, FEATURES, OnlineRow
from shopsight.feature_store.session_state import CHECKOUT_EVENTS, LAST_STEPS, SessionState

if TYPE_CHECKING:
    from feast import FeatureView

INTERACTIONS: Final = frozenset({"view_item", "add_to_wishlist", "add_to_cart", "purchase", "rate_item"})
"""What the mart ``interactions`` holds of an item."""
DAY_US: Final = 86_400_000_000


def session_rows(
    views: Sequence["FeatureView"], key: str, stored: OnlineRow | None, events: Sequence[LiveEvent], arrived: int
) -> list[OnlineRow | None]:
    """Return the rows of a session's state and of its features, given that of the state."""
    state = SessionState() if stored is None else SessionState.from_row(_values(views[0], stored))
    moved_at: int | None = None
    features: dict[str, Any] | None = None
    checkout = min((event.at_us for event in events if event.event_name in CHECKOUT_EVENTS), default=None)
    for event in events:
        # What happens in the very instant of the checkout is left out too, as the marts do.
        beside_checkout = event.at_us == checkout and event.event_name not in CHECKOUT_EVENTS
        moved = None if beside_checkout else state.after(event)
        if moved is None:
            continue
        moved_at = event.at_us
        if not moved.is_checked_out:
            features = moved.features(before=state)
        state = moved
    if moved_at is None:
        return [None] * len(views)
    rows: list[OnlineRow | None] = [_row(views[0], key, moved_at, arrived, state.values())]
    rows.extend(
        None if features is None else _row(view, key, cast(int, state.last_us), arrived, features) for view in views[1:]
    )
    return rows


def history_row(
    view: "FeatureView", key: str, stored: OnlineRow | None, events: Sequence[LiveEvent], arrived: int
) -> OnlineRow | None:
    """Return the row of a shopper's last interactions; events before the last one wait for the warehouse."""
    lists = _values(view, stored)
    items, actions = list(lists["item_ids"] or ()), list(lists["event_names"] or ())
    last = held_last = None if stored is None else stored[EVENT_US]
    # A history keeps no ids of events: what repeats a step of its last instant is that step.
    last_steps = set(zip(items[-LAST_STEPS:], actions[-LAST_STEPS:], strict=True))
    moved = False
    for event in events:
        if event.item_id is None or event.event_name not in INTERACTIONS:
            continue
        again = event.at_us == held_last and (event.item_id, event.event_name) in last_steps
        if again or (last is not None and event.at_us < last):
            continue
        items.append(event.item_id)
        actions.append(event.event_name)
        last, moved = event.at_us, True
    if not moved:
        return None
    values = {"item_ids": items[-HISTORY_LENGTH:], "event_names": actions[-HISTORY_LENGTH:]}
    return _row(view, key, cast(int, last), arrived, values)


def purchases_row(
    view: "FeatureView", key: str, stored: OnlineRow | None, events: Sequence[LiveEvent], arrived: int
) -> OnlineRow | None:
    """Return the row of what a shopper bought; a purchase may come late or again, for only the last moment counts."""
    lists = _values(view, stored)
    before = dict(zip(lists["bought_item_ids"] or (), map(int, lists["bought_us"] or ()), strict=True))
    bought = dict(before)
    last = None if stored is None else stored[EVENT_US]
    for event in events:
        if event.event_name == "purchase" and event.item_id is not None:
            bought[event.item_id] = max(event.at_us, bought.get(event.item_id, event.at_us))
            last = event.at_us if last is None else max(last, event.at_us)
    if bought == before:
        return None
    newest = sorted((moment, item_id) for item_id, moment in bought.items())[-PURCHASES_LENGTH:]
    values = {"bought_item_ids": [item for _, item in newest], "bought_us": [str(moment) for moment, _ in newest]}
    return _row(view, key, cast(int, last), arrived, values)


def orders_row(
    view: "FeatureView", key: str, stored: OnlineRow | None, events: Sequence[LiveEvent], arrived: int
) -> OnlineRow | None:
    """Return the row of the days on which a customer ordered; None of somebody who never did."""
    lists = _values(view, stored)
    moments = [int(moment) for moment in lists["ordered_us"] or ()]
    amounts = [Decimal(amount) for amount in lists["order_values"] or ()]
    seen = lists["last_seen_us"]
    last, counted = (None, None) if stored is None else (stored[EVENT_US], moments[-1] if moments else None)
    moved = False
    for event in events:
        at = event.at_us
        if last is not None and at < last:
            continue
        is_counted = counted is not None and (at < counted or (at == counted and event.again))
        if event.event_name == "purchase" and not is_counted:
            if moments and moments[-1] // DAY_US == at // DAY_US:
                moments[-1], amounts[-1] = at, amounts[-1] + event.amount
            else:
                moments.append(at)
                amounts.append(event.amount)
            moved = True
        if seen is None or at > seen:
            seen, moved = at, True
        last = at
    if not moved or not moments:
        return None
    values = {
        "last_seen_us": seen,
        "ordered_us": [str(moment) for moment in moments[-HISTORY_LENGTH:]],
        "order_values": [str(float(amount)) for amount in amounts[-HISTORY_LENGTH:]],
    }
    return _row(view, key, cast(int, last), arrived, values)


def _values(view: "FeatureView", stored: OnlineRow | None) -> dict[str, Any]:
    names = [field.name for field in view.features]
    return dict.fromkeys(names) if stored is None else dict(zip(names, stored[FEATURES], strict=True))


def _row(view: "FeatureView", key: str, at: int, arrived: int, values: dict[str, Any]) -> OnlineRow:
    return (key, at, arrived, *(values[field.name] for field in view.features))
