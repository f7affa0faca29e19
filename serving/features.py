"""What the services read from the online store, under the ids that clients send."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from serving.feature_watch import watched
from shopsight.clock import rfc3339
from shopsight.errors import ShopsightError
from shopsight.feature_store import (
    DatedFeatures,
    OnlineFeatures,
    OnlineStoreUnavailableError,
    UnusableFeaturesError,
    WrittenState,
)
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

OLD_DATA: Final = timedelta(days=2)
"""Age from which the data's end is noted: a shop that imports every night is a day behind."""
STATE_SECONDS: Final = 1.0
"""How long what was noted of the last materialisation is good for."""
RETRY_SECONDS: Final = 5.0
"""How long a store that failed is left alone: asking a dead Redis costs every request half a second."""


class OnlineStoreGoneError(Exception):
    """The online store cannot be read now; the answer is given without it."""


class OnlineStore(Protocol):
    """The part of ``shopsight.feature_store.OnlineFeatures`` that is used here."""

    def read_dated(
        self, service_or_view: str, rows: Sequence[Mapping[str, str]], *, key: str | None = None
    ) -> list[DatedFeatures]:
        """Return the features of each row of keys, in order: those that the service keeps under ``key``."""
        ...

    def written_otherwise(self, service: str) -> list[str]:
        """Return the views of a service whose rows have other fields than the views have now."""
        ...


@dataclass(frozen=True, kw_only=True)
class UserFeatures:
    """What is known online about a user."""

    user_key: str
    """The pseudonym that the features are kept under; of an unknown user, the one they would get."""
    known: bool | None
    """Whether the online store has anything about the user; None where it could not be asked."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The user's features, by name; none of an unknown user."""
    as_of: datetime | None = None
    """The moment that the features describe."""

    @property
    def item_ids(self) -> Sequence[str]:
        """Items of the user's history, oldest first."""
        return self.values.get("item_ids") or ()

    @property
    def event_names(self) -> Sequence[str]:
        """What was done with each item of the history."""
        return self.values.get("event_names") or ()

    @property
    def bought_at(self) -> dict[str, float]:
        """The user's last purchase of each item, in seconds since 1970, the longest ago first."""
        moments = (int(moment) / 1e6 for moment in self.values.get("bought_us") or ())
        return dict(zip(self.values.get("bought_item_ids") or (), moments, strict=True))

    @property
    def favourite_category(self) -> str | None:
        """The category that the user looked at most, where the store knows one."""
        return self.values.get("favourite_category") or None


class FeatureReader:
    """Reads feature services by raw ids.

    A raw id may be a user's or a visitor's: both pseudonyms are tried in one read. A service is named, never a view:
    the store refuses one that is not what its family reads (``shopsight.feature_store.contract``).

    The store is opened on first use and again after a failure, so that a service starts, and goes on, without it.
    """

    def __init__(
        self,
        open_store: Callable[[], OnlineStore],
        pseudonymiser: Pseudonymiser,
        *,
        written: Callable[[], WrittenState | None] = lambda: None,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a reader; ``written`` says what the last materialisation left in the store, where that is noted."""
        self._open_store = open_store
        self._read_state = written
        self._state: WrittenState | None = None
        self._state_until = float("-inf")
        self._check_at = float("-inf")
        self._fields_at: dict[str, float] = {}
        self._pseudonymiser = pseudonymiser
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._store: OnlineStore | None = None
        self._opened = 0
        self._retry_at = float("-inf")
        self.failure: str | None = None
        """Why the store cannot be read, or None while it can."""

    def open(self, *services: str) -> None:
        """Open the store and read nobody's user features from each of ``services``, ahead of the first request.

        Feast's imports and its first read take seconds of CPU, which no request should pay for. A store that is away is
        noted in ``failure``.

        Raises:
            UnusableFeaturesError: a service is not defined, or is not what its family reads. Unlike an outage that does
                not pass by itself, and every answer would lack its features.
        """
        try:
            for service in services:
                self._read(service, "user_id", ["nobody"])
        except OnlineStoreGoneError as gone:
            if isinstance(gone.__cause__, UnusableFeaturesError):
                raise gone.__cause__ from None

    def pseudonyms(self, user_id: str) -> tuple[str, str]:
        """Return what a raw id is called as a user's and as a visitor's; neither depends on what is known of it."""
        return self._pseudonymiser.user(user_id), self._pseudonymiser.anonymous(user_id)

    def user(self, user_id: str, service: str) -> UserFeatures:
        """As :meth:`users`, of one."""
        return self.users([user_id], service)[user_id]

    def users(self, user_ids: Sequence[str], service: str) -> dict[str, UserFeatures]:
        """Return what the user features of ``service`` say of each user or visitor.

        Raises:
            OnlineStoreGoneError: the store cannot be read.
        """
        names = list(dict.fromkeys(user_ids))
        keys = [key(name) for name in names for key in (self._pseudonymiser.user, self._pseudonymiser.anonymous)]
        rows = self._read(service, "user_id", keys)
        if not any(row.as_of for row in rows):
            self._refuse_emptied(service)
        users = {}
        for place, name in enumerate(names):
            both = range(2 * place, 2 * place + 2)
            hit = next((i for i in both if rows[i].as_of is not None), None)
            users[name] = (
                UserFeatures(user_key=keys[2 * place], known=False)
                if hit is None
                else UserFeatures(user_key=keys[hit], known=True, values=rows[hit].values, as_of=rows[hit].as_of)
            )
        return users

    @property
    def data_end(self) -> datetime | None:
        """The last moment that the store's rows describe, where that is noted."""
        state = self._written()
        return state.data_end if state else None

    def notes(self, now: datetime) -> list[str]:
        """Return what is amiss with the features that answers are given with."""
        failed = [] if self.failure is None else [f"online features: {self.failure}"]
        return failed + age_of(self.data_end, now=now)

    def _written(self) -> WrittenState | None:
        if self._seconds_now() >= self._state_until:
            self._state = self._read_state()
            self._state_until = self._seconds_now() + STATE_SECONDS
        return self._state

    def look(self, service: str) -> None:
        """Find out whether the store can be read and holds what was written; what is wrong stands in ``failure``."""
        with contextlib.suppress(OnlineStoreGoneError):
            self._refuse_emptied(service)

    def _refuse_emptied(self, service: str) -> None:
        """Tell a store that knows nobody any more from a shopper it never knew; looks once in a while.

        Raises:
            OnlineStoreGoneError: none of the shoppers that were written is in the store.
        """
        state = self._written()
        if state is None or not state.user_keys or self._seconds_now() < self._check_at:
            return
        opened = self._opened
        rows = self._read(service, "user_id", state.user_keys)
        if not any(row.as_of for row in rows):
            emptied = OnlineStoreUnavailableError(
                "The online store knows none of the shoppers that were written to it.",
                why="it was emptied or replaced",
                fix="materialise the features (Dagster group `features`), or check SHOPSIGHT_ONLINE_STORE",
            )
            self._let_go(emptied, opened)
            raise OnlineStoreGoneError(emptied.what)
        self._check_at = self._seconds_now() + RETRY_SECONDS

    def users_by_key(self, user_keys: Sequence[str], service: str) -> dict[str, UserFeatures]:
        """As :meth:`users`, of pseudonyms such as the prediction log holds.

        Raises:
            OnlineStoreGoneError: the store cannot be read.
        """
        rows = self._read(service, "user_id", user_keys) if user_keys else []
        return {
            key: UserFeatures(user_key=key, known=one.as_of is not None, values=one.values, as_of=one.as_of)
            for key, one in zip(user_keys, rows, strict=True)
        }

    def unreachable_user(self, user_id: str) -> UserFeatures:
        """Return what is left of a user while the store is gone: the pseudonym."""
        return UserFeatures(user_key=self._pseudonymiser.user(user_id), known=None)

    def session(self, session_id: str, service: str) -> DatedFeatures | None:
        """Return the session features of ``service`` for one session, or None where the store does not know it.

        Raises:
            OnlineStoreGoneError: the store cannot be read.
        """
        (session,) = self._read(service, "session_id", [session_id])
        return None if session.as_of is None else session

    def _read(self, service: str, key: str, values: Sequence[str]) -> list[DatedFeatures]:
        store, opened = self._ready_store()
        try:
            self._refuse_other_fields(store, service)
            return store.read_dated(service, [{key: value} for value in values], key=key)
        except ShopsightError as error:
            if self._let_go(error, opened):
                raise OnlineStoreGoneError(error.what) from error
            return self._read(service, key, values)  # of the store that another thread has opened since

    def _refuse_other_fields(self, store: OnlineStore, service: str) -> None:
        """Look once in a while whether the rows have the fields that are read.

        Raises:
            OnlineStoreUnavailableError: some were written before the definitions changed.
        """
        if self._seconds_now() < self._fields_at.get(service, float("-inf")):
            return
        if views := store.written_otherwise(service):
            raise OnlineStoreUnavailableError(
                f"The online rows of {', '.join(views)} were written with other fields than are read now.",
                why="the definitions have changed since the last materialisation",
                fix="materialise the features (Dagster group `features`)",
            )
        self._fields_at[service] = self._seconds_now() + RETRY_SECONDS

    def _ready_store(self) -> tuple[OnlineStore, int]:
        """Return the store, and how many were opened so far, it among them."""
        with self._lock:
            if self._seconds_now() < self._retry_at:
                raise OnlineStoreGoneError(self.failure)
            if self._store is None:
                self._opened += 1
                try:
                    self._store = self._open_store()
                except ShopsightError as error:
                    self._leave_alone(error)
                    raise OnlineStoreGoneError(error.what) from error
            self.failure = None
            return self._store, self._opened

    def _let_go(self, error: ShopsightError, opened: int) -> bool:
        """Leave the store that failed alone for a while; return False if another thread did so after ``opened``."""
        with self._lock:
            is_in_use = self._store is not None and self._opened == opened
            if is_in_use:
                self._leave_alone(error)
            return is_in_use

    def _leave_alone(self, error: ShopsightError) -> None:
        self._store = None
        self._retry_at = self._seconds_now() + RETRY_SECONDS
        self.failure = error.what


def age_of(data_end: datetime | None, *, now: datetime) -> list[str]:
    """Return a note where the data ended days ago: an import that stopped looks like shoppers who left."""
    if data_end is None or now - data_end < OLD_DATA:
        return []
    return [f"online features: the data end {(now - data_end).days} days ago, at {rfc3339(data_end)}"]


def feature_reader(settings: Settings) -> FeatureReader:
    """Return a reader of this home's online store, which is opened on the first read."""

    def open_store() -> OnlineStore:
        return OnlineFeatures(settings)

    def written() -> WrittenState | None:
        return WrittenState.read(settings.feature_store_dir)

    return FeatureReader(watched(open_store), Pseudonymiser.from_settings(settings), written=written)
