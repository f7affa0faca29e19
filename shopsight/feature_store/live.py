"""Moves features with the events of a request, ahead of the warehouse that will count them too."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from shopsight.feature_store.connection import FeatureStoreNotReadyError, open_feature_store
from shopsight.feature_store.live_event import LiveEvent
from shopsight.feature_store.live_rows import history_row, orders_row, purchases_row, session_rows
from shopsight.feature_store.online_rows import MonotoneOnlineStore, OnlineRow, microseconds
from shopsight.settings import Settings

if TYPE_CHECKING:
    from feast import FeatureView

STATE_VIEW: Final = "session_state"
"""What it takes to go on counting a session: the one view that a push reads beside the one that it moves."""
SESSION_VIEWS: Final = ("session_features", "session_flow")
"""What a push moves of a session, as far as it is online."""

RowOfShopper = Callable[["FeatureView", str, OnlineRow | None, Sequence[LiveEvent], int], OnlineRow | None]
SHOPPER_VIEWS: Final[Mapping[str, RowOfShopper]] = {
    "user_history": history_row,
    "user_purchases": purchases_row,
    "user_order_history": orders_row,
}
"""What a push moves of a shopper, and how."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a push changed."""

    sessions: int
    """Sessions whose features moved."""
    shoppers: int
    """Shoppers whose features moved."""


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
        missing = sorted({STATE_VIEW, *SESSION_VIEWS, *SHOPPER_VIEWS} - views.keys())
        if missing:
            raise FeatureStoreNotReadyError(
                f"The applied feature definitions lack {', '.join(missing)}.",
                why="they were applied by an older version",
                fix="run the features step (Dagster group `features`)",
            )
        self._sessions = [views[STATE_VIEW], *(views[name] for name in SESSION_VIEWS if views[name].online)]
        self._shoppers = [views[name] for name in SHOPPER_VIEWS if views[name].online]
        self._of_key = {
            key: [view for view in views.values() if view.online and view.join_keys == [key]]
            for key in ("user_id", "session_id")
        }

    def warm_up(self) -> None:
        """Reach the store once and change nothing: what is loaded on first use takes seconds, which no event should.

        Raises:
            OnlineStoreUnavailableError: the store does not answer.
        """
        for views in (self._sessions, self._shoppers):
            self._online.change_rows(self._store.config, views, ["nobody"], lambda _, stored: [None] * len(stored))

    def push(self, events: Sequence[LiveEvent], *, received_at: datetime) -> Moved:
        """Move the features of the events' sessions and shoppers: those of all sessions in one step, then the others.

        Args:
            events: in any order; leave out those of bots and of shoppers who forbid personal use.
            received_at: when they arrived; aware.

        Returns:
            How many sessions and shoppers moved.

        Raises:
            OnlineStoreUnavailableError: the store does not answer.
        """
        of_sessions, of_shoppers = defaultdict[str, list[LiveEvent]](list), defaultdict[str, list[LiveEvent]](list)
        for event in sorted(events, key=lambda event: event.order):
            if event.session_id is not None:
                of_sessions[event.session_id].append(event)
            if event.user_id is not None:
                of_shoppers[event.user_id].append(event)
        arrived = microseconds(received_at)

        def move_session(key: str, stored: list[OnlineRow | None]) -> list[OnlineRow | None]:
            return session_rows(self._sessions, key, stored[0], of_sessions[key], arrived)

        def move_shopper(key: str, stored: list[OnlineRow | None]) -> list[OnlineRow | None]:
            return [
                SHOPPER_VIEWS[view.name](view, key, row, of_shoppers[key], arrived)
                for view, row in zip(self._shoppers, stored, strict=True)
            ]

        config, change = self._store.config, self._online.change_rows
        return Moved(
            sessions=change(config, self._sessions, list(of_sessions), move_session) if of_sessions else 0,
            shoppers=change(config, self._shoppers, list(of_shoppers), move_shopper) if of_shoppers else 0,
        )

    def forget(self, *, users: Sequence[str] = (), sessions: Sequence[str] = ()) -> None:
        """Take shoppers and sessions out of the online store, as of somebody who withdraws consent.

        Raises:
            OnlineStoreUnavailableError: the store does not answer.
        """
        for key, values in (("user_id", users), ("session_id", sessions)):
            if values:
                self._online.erase(self._store.config, self._of_key[key], values)
