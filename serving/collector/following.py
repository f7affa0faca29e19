"""What follows an accepted event before its sender is answered: the features of its session and its shopper move.

The event is kept first, and whatever fails here costs only freshness: the next build of the warehouse and
materialisation bring what a push left out.
"""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from serving.collector.known_shop import KnownShop, KnownShopReader, Money
from serving.collector.people import People
from serving.item_categories import Categories, followed_categories
from shopsight.clock import utc_now
from shopsight.consent import allows
from shopsight.errors import ShopsightError
from shopsight.feature_store import REGISTRY_SNAPSHOT, LiveEvent, LiveFeatures
from shopsight.ingestion.collecting.journal import waiting_records
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

COLUMNS: Final = (
    *("event_id", "line_number", "event_name", "event_timestamp", "user_id", "anonymous_id", "session_id", "item_id"),
    *("quantity", "price", "currency", "value", "order_id", "list_position", "category", "consent", "source"),
)
RETRY_SECONDS: Final = 5.0
"""How long an online store that failed is left alone."""
MAX_WAITING_EVENTS: Final = 50_000
"""Events that wait for a store that is away; older ones are left to the next materialisation."""
MAX_ORDER_LINES: Final = 100_000
"""Lines of orders by which a repetition is known, the newest."""
REFUSAL_SECONDS: Final = 3600.0
"""How long what an event says of consent is remembered here; by then the warehouse says so."""

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Push:
    """What a group of events changes."""

    events: list[LiveEvent] = field(default_factory=list)
    users: set[str] = field(default_factory=set)
    """Who leaves the store, because they forbid personal use or because their events have become somebody else's."""
    sessions: set[str] = field(default_factory=set)
    """Sessions that leave it."""


class Follower:
    """Called with each group of accepted events, by one thread; :meth:`retry` now and then, by the same."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = utc_now,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read what is known of the shop; the online store is opened when something is to be pushed."""
        self._settings = settings
        self._now = now
        self._seconds_now = seconds_now
        self._live: LiveFeatures | None = None
        self._retry_at = float("-inf")
        self._registry: FileVersion | None = None
        self._waiting: deque[Push] = deque()
        self._people = People()
        self._order_lines: OrderedDict[tuple[Any, ...], tuple[datetime, set[tuple[Any, ...]]]] = OrderedDict()
        self._refused_here: dict[str, float] = {}
        self.failure: str | None = None
        """Why features do not move at the moment; None while they do."""
        self.left_out = 0
        """Events whose features the next materialisation has to move."""
        self._lock = threading.Lock()
        self._categories = followed_categories(settings)
        self.shop_reader = KnownShopReader(settings, on_new=self._take_out_refused)

    def catch_up(self) -> None:
        """Open the store, and push what a collector before this one accepted and has not landed.

        Call it before anything is accepted.
        """
        with self._lock:
            for record in waiting_records(self._settings.collected_dir, limit=MAX_WAITING_EVENTS):
                self._wait_for(record.accepted, again=True)
        self._move(lambda live: live.warm_up())
        self.retry()

    def __call__(self, accepted: pa.RecordBatch) -> None:
        """Move what these events move, after those that wait for the store."""
        with self._lock:
            self._wait_for(accepted)
        self.retry()

    def retry(self) -> None:
        """Push what waits, unless the store has failed a moment ago."""
        if self._waiting:
            self._move(self._push_waiting)

    def notes(self) -> list[str]:
        """Return what is amiss while events are accepted all the same."""
        notes = []
        if self.failure is not None:
            waiting = sum(len(push.events) for push in self._waiting)
            notes.append(f"features do not move with events ({waiting:,} wait): {self.failure}")
        if self.left_out:
            notes.append(f"features of {self.left_out:,} events move with the next materialisation only")
        if self.shop_reader.failure is not None:
            notes.append(f"what the warehouse says of shoppers is of before: {self.shop_reader.failure}")
        if self._categories.failure is not None:
            notes.append(f"items: {self._categories.failure}")
        return notes

    def close(self) -> None:
        """End; what waits is brought by the next start or the next materialisation."""
        self.shop_reader.close()

    def _move(self, work: Callable[[LiveFeatures], None]) -> None:
        with self._lock:
            if self._seconds_now() < self._retry_at:
                return
            try:
                work(self._opened())
            except ShopsightError as error:
                self._live = None
                self._retry_at = self._seconds_now() + RETRY_SECONDS
                self.failure = error.what
            else:
                self.failure = None

    def _push_waiting(self, live: LiveFeatures) -> None:
        while self._waiting:
            try:
                _push(live, self._waiting[0], received_at=self._now())
            except ShopsightError:
                raise
            except Exception:
                self.left_out += len(self._waiting.popleft().events)  # the next ones must not pay for it
                raise
            self._waiting.popleft()

    def _wait_for(self, accepted: pa.RecordBatch, *, again: bool = False) -> None:
        self._waiting.append(self._what_changes(accepted, again=again))
        while len(self._waiting) > 1 and sum(len(push.events) for push in self._waiting) > MAX_WAITING_EVENTS:
            self.left_out += len(self._waiting.popleft().events)

    def _opened(self) -> LiveFeatures:
        """Return the store, opened anew where other definitions were applied since."""
        registry = version_of(self._settings.feature_store_dir / REGISTRY_SNAPSHOT)
        if self._live is None or registry != self._registry:
            self._live, self._registry = LiveFeatures(self._settings), registry
        return self._live

    def _what_changes(self, accepted: pa.RecordBatch, *, again: bool) -> Push:
        push, shop, categories = Push(), self.shop_reader.shop, self._categories()
        for row in accepted.select(list(COLUMNS)).to_pylist():
            user_id, anonymous_id = row["user_id"], row["anonymous_id"]
            ids = [id_ for id_ in (user_id, anonymous_id) if id_ is not None]
            shopper = self._people.shopper_of(user_id, anonymous_id, shop.links)
            if not allows(row["consent"], "personal"):
                self._refuse([*ids, *([shopper] if shopper else [])], row["session_id"], push)
            if any(id_ in shop.refused or id_ in self._refused_here for id_ in (*ids, shopper)):
                continue
            if self._is_repeat(row):
                continue
            event = live_event(row, shopper, money=shop.money, categories=categories, again=again)
            push.events.append(event)
            if user_id is not None and anonymous_id is not None:
                self._sign_in(user_id, anonymous_id, push, shop)
            elif shopper is not None and shopper == anonymous_id:
                self._people.remember(event, shopper)
        push.events = [e for e in push.events if e.user_id not in push.users and e.session_id not in push.sessions]
        return push

    def _sign_in(self, user_id: str, anonymous_id: str, push: Push, shop: KnownShop) -> None:
        brought = self._people.sign_in(user_id, anonymous_id, shop.links)
        if brought:
            # What this group holds of the visit moves its session as the visitor's, and the shopper as theirs.
            own = [replace(e, user_id=None) if e.user_id == anonymous_id else e for e in push.events]
            push.events = [*own, *brought]
            push.users.add(anonymous_id)

    def _refuse(self, ids: list[str], session_id: str | None, push: Push) -> None:
        for id_ in ids:
            self._refused_here[id_] = self._seconds_now()
            self._people.forget(id_)
        push.users |= set(ids)
        if session_id is not None:
            push.sessions.add(session_id)

    def _is_repeat(self, row: Mapping[str, Any]) -> bool:
        """Return whether a line of an order was told before, as the warehouse finds it (int_order_reports)."""
        if row["event_name"] != "purchase" or row["order_id"] is None:
            return False
        line = tuple(row[name] for name in ("source", "order_id", "item_id", "line_number"))
        says = tuple(row[name] for name in ("quantity", "price", "value"))
        first, said = self._order_lines.setdefault(line, (row["event_timestamp"], set()))
        is_repeat = row["event_timestamp"] > first or says in said
        said.add(says)
        while len(self._order_lines) > MAX_ORDER_LINES:
            self._order_lines.popitem(last=False)
        return is_repeat

    def _take_out_refused(self, before: KnownShop, shop: KnownShop) -> None:
        """Take out who refuses now and did not: what they did in between may have been pushed."""
        too_old = self._seconds_now() - REFUSAL_SECONDS
        with self._lock:
            self._refused_here = {id_: since for id_, since in self._refused_here.items() if since > too_old}
            new = sorted(shop.refused - before.refused)
            try:
                if new and self._live is not None:
                    self._live.forget(users=new)
            except ShopsightError as error:  # the request has taken them out itself, and so will the materialisation
                log.warning("refusals could not be taken out of the online store: %s", error.what)


def _push(live: LiveFeatures, push: Push, *, received_at: datetime) -> None:
    live.forget(users=sorted(push.users), sessions=sorted(push.sessions))
    if push.events:
        live.push(push.events, received_at=received_at)


def live_event(
    row: Mapping[str, Any], shopper: str | None, *, money: Money, categories: Categories, again: bool = False
) -> LiveEvent:
    """Return an accepted event as it moves features."""

    def converted(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else money.converted(amount, row["currency"], row["event_timestamp"])

    return LiveEvent(
        event_id=row["event_id"],
        event_name=row["event_name"],
        event_timestamp=row["event_timestamp"],
        user_id=shopper,
        session_id=row["session_id"],
        item_id=row["item_id"],
        category=row["category"] or categories.get(row["item_id"]),
        price=converted(row["price"]),
        amount=converted(_line_revenue(row)) or Decimal(0),  # money without a rate is in no sum
        list_position=row["list_position"],
        line_number=row["line_number"],
        source=row["source"],
        again=again,
    )


def _line_revenue(row: Mapping[str, Any]) -> Decimal | None:
    """Return what a line of an order comes to, in its own currency, as the macro ``line_revenue`` says."""
    if row["value"] is not None:
        return Decimal(str(row["value"]))
    price: Decimal | None = row["price"]
    return None if price is None else price * (1 if row["quantity"] is None else row["quantity"])
