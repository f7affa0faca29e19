"""Moves session and history features with the events of a request, ahead of the warehouse that will count them too."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from shopsight.contracts import HISTORY_LENGTH
from shopsight.feature_store.connection import FeatureStoreNotReadyError, open_feature_store
from shopsight.feature_store.online_rows import EVENT_US, FEATURES, MonotoneOnlineStore, OnlineRow, microseconds
from shopsight.feature_store.session_state import CHECKOUT_EVENTS, LiveEvent, SessionState
from shopsight.settings import Settings

if TYPE_CHECKING:
    from feast import FeatureView

STATE_VIEW: Final = "session_state"
"""What it takes to go on counting a session: the one view that a push reads beside the one that it moves."""
SESSION_VIEWS: Final = ("session_features", "session_flow")
"""What a push moves of a session, as far as it is online."""
HISTORY_VIEW: Final = "user_history"
INTERACTIONS: Final = frozenset({"view_item", "add_to_wishlist", "add_to_cart", "purchase", "rate_item"})
"""What the mart ``interactions`` holds of an item."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a push changed."""

    sessions: int
    """Sessions whose features moved."""
    histories: int
    """Shoppers whose history moved."""


class LiveFeatures:
    """An open online store to push events into: keep one per process, it may be used from several threads.

    What is pushed is readable at once through :class:`~shopsight.feature_store.OnlineFeatures`. An event that is older
    than what is held, or that was pushed already, changes nothing: the next materialisation brings it in its place.
    """

    def __init__(self, settings: Settings) -> None:
        """Open the store.

        Raises:
            FeatureStoreNotReadyError: no definitions with these views were applied to this home.
        """
        self._store = open_feature_store(settings, read_only=True)
        self._online = cast(MonotoneOnlineStore, self._store.provider.online_store)
        views = {view.name: view for view in self._store.list_feature_views()}
        missing = sorted({STATE_VIEW, *SESSION_VIEWS, HISTORY_VIEW} - views.keys())
        if missing:
            raise FeatureStoreNotReadyError(
                f"The applied feature definitions lack {', '.join(missing)}.",
                why="they were applied by an older version",
                fix="run the features step (Dagster group `features`)",
            )
        self._sessions = [views[STATE_VIEW], *(views[name] for name in SESSION_VIEWS if views[name].online)]
        self._history = views[HISTORY_VIEW]

    def push(self, events: Sequence[LiveEvent], *, received_at: datetime) -> Moved:
        """Move the features of the events' sessions and shoppers.

        Args:
            events: in any order; leave out those of bots and of shoppers who forbid personal use.
            received_at: when they arrived; aware.

        Returns:
            How many sessions and histories moved.

        Raises:
            OnlineStoreUnavailableError: the store does not answer.
        """
        sessions, shoppers = defaultdict(list), defaultdict(list)
        for event in sorted(events, key=lambda event: event.order):
            if event.session_id is not None:
                sessions[event.session_id].append(event)
            if event.user_id is not None and event.item_id is not None and event.event_name in INTERACTIONS:
                shoppers[event.user_id].append(event)
        arrived = microseconds(received_at)
        config = self._store.config

        def move_session(key: str, pushed: list[LiveEvent]) -> bool:
            change = lambda stored: _session_rows(self._sessions, key, stored[0], pushed, arrived)  # noqa: E731
            return self._online.change_rows(config, self._sessions, key, change) > 0

        def move_history(key: str, pushed: list[LiveEvent]) -> bool:
            change = lambda stored: [_history_row(self._history, key, stored[0], pushed, arrived)]  # noqa: E731
            return self._online.change_rows(config, [self._history], key, change) > 0

        return Moved(
            sessions=sum(move_session(key, pushed) for key, pushed in sessions.items()),
            histories=sum(move_history(key, pushed) for key, pushed in shoppers.items()),
        )


def _session_rows(
    views: Sequence["FeatureView"], key: str, stored: OnlineRow | None, events: Sequence[LiveEvent], arrived: int
) -> list[OnlineRow | None]:
    """Return the rows of the state and of the features after the events; None where they change nothing."""
    names = [field.name for field in views[0].features]
    state = SessionState() if stored is None else SessionState.from_row(dict(zip(names, stored[FEATURES], strict=True)))
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


def _history_row(
    view: "FeatureView", key: str, stored: OnlineRow | None, events: Sequence[LiveEvent], arrived: int
) -> OnlineRow | None:
    names = [field.name for field in view.features]
    lists = {name: [] for name in names} if stored is None else dict(zip(names, stored[FEATURES], strict=True))
    items, actions = list(lists["item_ids"] or ()), list(lists["event_names"] or ())
    last = None if stored is None else stored[EVENT_US]
    moved = False
    for event in events:
        # A history keeps no ids of events: what repeats the last step at its very microsecond is the last step.
        again = event.at_us == last and [event.item_id, event.event_name] == [*items[-1:], *actions[-1:]]
        if again or (last is not None and event.at_us < last):
            continue
        items.append(event.item_id)
        actions.append(event.event_name)
        last, moved = event.at_us, True
    if not moved:
        return None
    values = {"item_ids": items[-HISTORY_LENGTH:], "event_names": actions[-HISTORY_LENGTH:]}
    return _row(view, key, cast(int, last), arrived, values)


def _row(view: "FeatureView", key: str, at: int, arrived: int, values: dict[str, Any]) -> OnlineRow:
    return (key, at, arrived, *(values[field.name] for field in view.features))
