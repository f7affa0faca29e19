"""Whose event an event is, as soon as it happens: a device's events are the shopper's who signs in on it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from shopsight.feature_store import LiveEvent

MAX_VISITS: Final = 20_000
"""Devices without a shopper whose events are at hand, the newest."""
MAX_EVENTS: Final = 50
"""Events that are at hand of each, the newest."""
MAX_LINKS: Final = 200_000
"""Links that were seen here and are remembered, the newest; the warehouse's own are beside them."""


class People:
    """Links devices to shoppers, and hands a visit over to the shopper who signs in during it."""

    def __init__(self) -> None:
        self._links: OrderedDict[str, str] = OrderedDict()
        self._visits: OrderedDict[str, list[LiveEvent]] = OrderedDict()

    def shopper_of(self, user_id: str | None, anonymous_id: str | None, known_links: Mapping[str, str]) -> str | None:
        """Return whose an event is.

        Args:
            user_id: of the event, where somebody was signed in.
            anonymous_id: of the device, where it has one.
            known_links: the shopper of each device, as the warehouse says.
        """
        if user_id is not None or anonymous_id is None:
            return user_id
        return self._link(anonymous_id, known_links) or anonymous_id

    def sign_in(self, user_id: str, anonymous_id: str, known_links: Mapping[str, str]) -> list[LiveEvent]:
        """Take note that a shopper uses a device; return the events of it that have become theirs.

        A device that several use is nobody's: what happens on it without a shopper stays its own.
        """
        before = self._link(anonymous_id, known_links)
        self._links[anonymous_id] = user_id if before in (None, user_id) else anonymous_id
        self._links.move_to_end(anonymous_id)
        while len(self._links) > MAX_LINKS:
            self._links.popitem(last=False)
        visit = self._visits.pop(anonymous_id, [])
        if before is not None:
            return []
        # Their session has moved with them already.
        return [replace(event, user_id=user_id, session_id=None) for event in visit]

    def remember(self, event: LiveEvent, anonymous_id: str) -> None:
        """Keep an event of a device that has no shopper yet."""
        visit = self._visits.setdefault(anonymous_id, [])
        visit.append(event)
        del visit[:-MAX_EVENTS]
        self._visits.move_to_end(anonymous_id)
        while len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)

    def forget(self, id_: str) -> None:
        """Forget the events of somebody who forbids personal use."""
        self._visits.pop(id_, None)

    def _link(self, anonymous_id: str, known_links: Mapping[str, str]) -> str | None:
        return self._links.get(anonymous_id) or known_links.get(anonymous_id)
