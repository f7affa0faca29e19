"""A small shop's log with everything in it that a mart has a rule for, close together in time, in no order of ids."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from batches import Row

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = (0, 1, 2, 6, 7, 8, 20, 27, 28, 29, 34, 55, 56, 57, 89, 121, 150, 182, 205, 208, 209, 210)
"""Days of random visits: apart by 6 and 7, 27 and 28, 55 and 56 days, which are the windows of the features."""
CLOSES_AT = FIRST_DAY + timedelta(days=212)
"""When the log ends: at midnight, so that a window of whole days can end with it."""
RATES = {(0, "USD"): Decimal("0.5"), (28, "USD"): Decimal("0.8")}
"""By the day from which they hold, in euros."""
VARIABLES = {
    "session_gap_minutes": 30,
    "longest_session_hours": 24,
    "history_length": 4,
    "purchases_length": 3,
    "bot_pages_per_minute": 5,
    "bot_pages_per_day": 9,
    "conversion_days": 2,
    "attribution_days": 7,
    "largest_basket": 3,
    "fewest_baskets_together": 2,
    "most_item_pairs": 2,
    "churn_label_days": 63,
}
"""Bounds of the dbt project that a history of some hundred events reaches."""
BROWSING = (
    "view_item",
    "view_item",
    "view_item",
    "view_item_list",
    "select_item",
    "add_to_wishlist",
    "add_to_cart",
    "add_to_cart",
    "remove_from_cart",
    "view_cart",
    "begin_checkout",
    "search",
    "search",
    "view_promotion",
    "select_promotion",
    "page_view",
    "rate_item",
    "ask_question",
)
WITHOUT_ITEM = ("view_cart", "begin_checkout", "search", "view_promotion", "select_promotion", "page_view")


@dataclass
class RandomShop:
    """The rows of a shop as the event log holds them, by batch, and what corrects what.

    Attributes:
        batches: event rows by the name of their batch; rows of ``b`` correct some of ``a``.
        corrections: how many of ``b`` do.
        items: rows of the catalogue.
        users: rows of accounts.
    """

    seed: int
    batches: dict[str, list[Row]] = field(default_factory=lambda: {"a": [], "b": []})
    corrections: int = 0
    items: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._ids = self._rng.sample(range(10_000), 3000)
        self._orders: list[tuple[Row, ...]] = []
        for who in range(14):
            for day in self._rng.sample(DAYS, self._rng.randrange(2, 8)):
                self._visit(who, FIRST_DAY + timedelta(days=day, minutes=self._rng.choice((0, 470, 1020, 1079, 1425))))
        for _ in range(18):
            self._give_back()
        self._two_bots_and_two_who_are_nearly_so()
        self._customers_of_every_age()
        self._on_both_sides_of_every_bound()
        self._odd_visits_and_orders()
        self._merges()
        self._tell_again()
        self._correct()
        self._catalogue()
        self._accounts()

    def _event(self, who: int, name: str, at: datetime, **columns: Any) -> Row:
        """Append an event of a shopper, who logs in now and then; ids say nothing of the order in time."""
        rng = self._rng
        logs_in = who % 3 != 2 and rng.random() < (0.2 if who % 3 else 0.9)
        # Two devices are shared: by two users, and by a user and somebody unknown.
        device = f"a_{who if rng.random() < 0.95 else 0}" if who < 12 else f"a_{who}"
        has_item = name not in WITHOUT_ITEM
        item = f"i{min(rng.randrange(9), rng.randrange(9))}"
        row = {
            "event_id": f"{self._ids.pop():04}",
            "line_number": 0,
            "event_name": name,
            "event_timestamp": at,
            # Some events arrive late: days after others that happened later.
            "created_timestamp": at + timedelta(seconds=rng.choice((1, 60)), days=rng.choice((0, 0, 0, 0, 3))),
            "user_id": f"u_{who // 2:02}" if logs_in else None,
            "anonymous_id": device if not logs_in or rng.random() < 0.8 else None,
            "item_id": item if has_item else None,
            "session_id": None,
            "order_id": None,
            "quantity": None,
            "price": Decimal(rng.choice((10, 12, 20))) if has_item and rng.random() < 0.7 else None,
            "currency": rng.choice(("EUR", "EUR", "EUR", None, "USD")) if has_item else None,
            "category": rng.choice((None, None, "Home > Lamps", "Home > Rugs", "Garden")) if has_item else None,
            "brand": rng.choice((None, None, "Lux", "Tuft", "Oak", "Fir")) if has_item else None,
            "value": float(rng.randrange(1, 6)) if name == "rate_item" and rng.random() < 0.8 else None,
            "text": rng.choice(("it holds", "is it oak?", " ", None))
            if name in ("rate_item", "ask_question")
            else None,
            "query": rng.choice(("lamp", "Lamp ", "rug", "oak", None)) if name == "search" else None,
            "list_id": rng.choice(("best", "new")) if name in ("view_item_list", "select_item") else None,
            "list_position": rng.choice((None, 1, 2, 5)),
            "placement": rng.choice(("home", "top")) if "promotion" in name else None,
            "recommendation_id": rng.choice((None, "r1")) if name == "view_item" else None,
            "campaign_id": rng.choice(("spring", "news")) if "promotion" in name or rng.random() < 0.15 else None,
            "channel": rng.choice((None, "email", "agent")),
            "device": rng.choice((None, "mobile", "desktop")),
            "country": rng.choice((None, "DE", "SE")),
            "platform": rng.choice((None, "web", "app")),
            "properties": self._properties(name),
            "consent": self._consent(who, at),
            "source": "app" if who % 4 == 3 else "shop",
        } | columns
        self.batches[rng.choice("ab")].append(row)
        return row

    def _consent(self, who: int, at: datetime) -> str:
        """Return what an event says: two shoppers change their mind for good, and any may for one event."""
        draw = self._rng.random()
        late = at > FIRST_DAY + timedelta(days=30)
        if draw < 0.04 or (who == 10 and late):
            return "none"
        return "analytics_only" if draw < 0.08 or (who == 9 and late) else "granted"

    def _properties(self, name: str) -> str | None:
        if name == "search":
            return self._rng.choice((None, '{"results": 0}', '{"results": 3}', '{"results": "many"}'))
        if name in ("ask_question", "rate_item"):
            return self._rng.choice((None, '{"intent_label": "compare_product"}', "no JSON"))
        return None

    def _visit(self, who: int, at: datetime) -> None:
        """Browse with pauses about those that end a session, and perhaps buy; some have the source's own name."""
        rng = self._rng
        # One name is used by several shoppers, and one by a shopper for ever.
        name = rng.choice((None, None, None, f"s-{who}-{at.day}", "s-shared" if who < 8 else f"s-{who}"))
        shared: dict[str, Any] = {"session_id": name}
        buys = rng.random() < 0.55
        for _ in range(rng.randrange(1, 11)):
            self._event(who, rng.choice(BROWSING), at, **shared)
            at += timedelta(minutes=rng.choice((0, 0, 1, 4, 29, 30, 30, 31)), seconds=rng.choice((0, 0, 1)))
        if not buys:
            return
        for step in ("view_item", "add_to_cart", "begin_checkout"):
            if rng.random() < 0.7:
                self._event(who, step, at, **shared)
                at += timedelta(minutes=rng.choice((0, 0, 2)), days=0 if name else rng.choice((0, 0, 0, 2)))
        order = f"o{len(self._orders)}" if rng.random() < 0.85 else None
        event_id = f"{self._ids.pop():04}"
        items = rng.sample([f"i{number}" for number in range(5)], rng.choice((1, 2, 2, 3, 4)) if order else 1)
        lines = [
            self._event(
                who,
                "purchase",
                at,
                event_id=event_id,
                line_number=line,
                item_id=item,
                order_id=order,
                quantity=rng.choice((None, 1, 2, 3)),
                price=Decimal(rng.choice((8, 12, 15))),
                value=rng.choice((None, None, 9.5)),
                **shared,
            )
            for line, item in enumerate(items)
        ]
        self._orders.append(tuple(lines))
        if rng.random() < 0.5:
            self._event(who, "page_view", at + timedelta(minutes=1), **shared)

    def _give_back(self) -> None:
        """Give back an item (by pieces, price or amount), a whole order, or something that was never bought."""
        rng = self._rng
        lines = rng.choice([order for order in self._orders if order[0]["order_id"]])
        line = rng.choice(lines)
        at = line["event_timestamp"] + timedelta(days=rng.choice((0, 1, 27, 28)), minutes=rng.randrange(1, 90))
        who = int(str(line["anonymous_id"] or "a_1").removeprefix("a_")) % 12
        plain = {"order_id": line["order_id"], "source": line["source"], "value": None, "price": None, "quantity": None}
        back = {"item_id": line["item_id"], "line_number": line["line_number"], "currency": None}
        match rng.randrange(6):
            case 0:
                columns = back | {"quantity": rng.choice((1, 2))}
            case 1:
                columns = back | {"price": Decimal(5), "quantity": rng.choice((None, 1))}
            case 2:
                columns = back | {"value": float(rng.choice((2, 9, 40)))}
            case 3:
                columns = back
            case 4:
                columns = {"item_id": None, "currency": None, "category": None, "brand": None}
            case _:
                columns = back | {"order_id": f"x{at.day}", "price": Decimal(7)}
        self._event(who, "refund", min(at, CLOSES_AT - timedelta(hours=1)), **plain | columns)

    def _two_bots_and_two_who_are_nearly_so(self) -> None:
        """Look at many pages in a minute, and in a day: as many as make a bot, and one fewer."""
        for who, pages in ((20, 5), (21, 4)):
            for number in range(pages):
                at = FIRST_DAY + timedelta(days=150, hours=10, seconds=number)
                self._event(
                    who, "view_item", at, user_id=None, anonymous_id=f"a_{who}", consent="granted", price=Decimal(1)
                )
        for who, pages in ((22, 9), (23, 8)):
            for number in range(pages):
                at = FIRST_DAY + timedelta(days=150, hours=11, minutes=2 * number)
                self._event(who, "search", at, user_id=None, anonymous_id=f"a_{who}", consent="granted", query="all")
        # Several lines of one page are one page.
        for line in range(6):
            at = FIRST_DAY + timedelta(days=150, hours=12)
            shared = {"event_id": "one-page", "line_number": line, "user_id": None, "anonymous_id": "a_24"}
            self._event(
                24, "view_item_list", at, **shared | {"consent": "granted", "source": "shop", "session_id": None}
            )

    def _of(self, user: str, name: str, at: datetime, **columns: Any) -> Row:
        """Append an event of a user of whom nothing else is random that matters."""
        plain = {"user_id": user, "anonymous_id": None, "consent": "granted", "source": "shop", "value": None}
        return self._event(25, name, at, **plain | columns)

    def _order_of(self, user: str, at: datetime, **columns: Any) -> None:
        order = {
            "order_id": f"{user}-{at:%m%d}",
            "item_id": "i7",
            "quantity": 1,
            "price": Decimal(9),
            "currency": "EUR",
        }
        self._of(user, "purchase", at, **order | columns)

    def _customers_of_every_age(self) -> None:
        """Let customers of one to four orders and visitors have been here last on each side of 30, 90 and 180 days."""
        for age in (30, 31, 90, 91, 180, 181):
            latest = CLOSES_AT - timedelta(days=age, hours=-10)
            for orders in (0, 1, 2, 3, 4):
                user = f"u_age_{age}_{orders}"
                self._of(user, "page_view", latest)
                for number in range(orders):
                    self._order_of(user, latest - timedelta(days=2 * number), price=Decimal(3 + age % 7 + number))
        # So many that a fifth of the customers ends exactly at one of them.
        for number in range(8):
            for nth in range(3 + number % 2):
                self._order_of(
                    f"u_more_{number}", CLOSES_AT - timedelta(days=60 + number, hours=nth + 1), order_id=None
                )

    def _on_both_sides_of_every_bound(self) -> None:
        """Reach bounds exactly, and miss them by a second or a day: of sessions, funnels, touches and labels."""
        second = timedelta(seconds=1)
        start = FIRST_DAY + timedelta(days=100, hours=9)
        # The source's sessions of a whole day and of a second more.
        for name, end in (("s-day", timedelta(hours=24)), ("s-long", timedelta(hours=24, seconds=1))):
            for at in (start, start + end / 2, start + end):
                self._of("u_long", "view_item", at, session_id=name)
        # Steps of a funnel at one instant, just within the window, and just outside it.
        window = timedelta(days=VARIABLES["conversion_days"])
        for user, later in (("u_at_once", timedelta()), ("u_in_time", window - second), ("u_late", window)):
            self._of(user, "view_item", start)
            for step in ("add_to_cart", "begin_checkout"):
                self._of(user, step, start + later)
            self._order_of(user, start + later)
        # Touches at the very begin of their reach, a second before it, and with the order itself.
        reach = timedelta(days=VARIABLES["attribution_days"])
        for at in (start, start + second):
            self._of("u_touched", "page_view", at - reach, session_id=f"touch-{at.second}", channel="paid")
        self._order_of("u_touched", start + second, session_id="touch-order", channel="email")
        # Orders 28 and 29 days after an as-of date, on the first date that has labels and a week before it.
        for user, days in (("u_monthly", (142, 149, 177, 205)), ("u_later", (149, 178))):
            for day in days:
                self._order_of(user, FIRST_DAY + timedelta(days=day, hours=12))
        # Sessions that are just over when the log ends, and just not.
        gap = timedelta(minutes=VARIABLES["session_gap_minutes"])
        for user, at in (("u_over", CLOSES_AT - gap), ("u_not_over", CLOSES_AT - gap + second), ("u_last", CLOSES_AT)):
            self._of(user, "view_item", at)
            self._of(user, "view_item", at)

    def _odd_visits_and_orders(self) -> None:
        """Add what is rare and has a rule: a login at the end, events that share an id, refunds alone, other money."""
        start, second = FIRST_DAY + timedelta(days=100, hours=9), timedelta(seconds=1)
        # An order of a visit that is another's in the end, who logs in on a device that nothing links: it has no touch.
        guest = {"user_id": None, "anonymous_id": "a_guest", "session_id": "s-login"}
        self._order_of("u_login", start, **guest)
        self._of("u_login", "page_view", start + second, session_id="s-login")
        # One event of two lines that is a whole visit; a visit in which consent was away for an event.
        self._order_of("u_bounce", start)
        first = self.batches["a"][-1] if self.batches["a"][-1]["user_id"] == "u_bounce" else self.batches["b"][-1]
        self.batches["b"].append({**first, "item_id": "i8", "line_number": 1})
        # An order of exactly 1 that is given back whole, by its number alone.
        self._order_of("u_bounce", start + timedelta(days=1), order_id="one", price=Decimal(1))
        nothing = {"order_id": "one", "item_id": None, "price": None, "currency": None, "category": None, "brand": None}
        self._of("u_bounce", "refund", start + timedelta(days=2), **nothing)
        # A checkout of two lines is one checkout.
        for line in (0, 1):
            lines = {"event_id": "two-lines", "line_number": line, "item_id": f"i{line}"}
            self._of("u_bounce", "begin_checkout", start + timedelta(days=3), **lines)
        # A cart and a purchase that share one event id are two events.
        self._of("u_one_id", "add_to_cart", start, event_id="one-id")
        self._order_of("u_one_id", start, event_id="one-id")
        # Somebody who only ever gave back is no customer.
        back = {"order_id": "only-back", "item_id": "i1", "quantity": 1, "price": Decimal(7), "currency": "USD"}
        self._of("u_only_back", "refund", start, **back)
        for minute, consent in ((0, "granted"), (1, "none"), (2, "analytics_only"), (3, "granted")):
            self._of("u_wavering", "view_item", start + timedelta(minutes=minute), consent=consent)
        # Whoever wants to be counted and not known buys; what one source is told another one, which asks nobody, does
        # not undo; who refused by the account, in a request, as a device or before a merge goes on as if nothing were.
        for user, consent in (("u_counted", "analytics_only"), ("u_asked_once", "none"), ("u_asked_once", "granted")):
            source = "app" if consent == "none" else "shop"
            self._of(user, "view_item", start, consent=consent, source=source, event_id=f"{user}-{consent}")
        for user in ("u_counted", "u_asked_once", "u_30", "u_32", "u_33", "u_34", "u_35"):
            self._of(user, "begin_checkout", start + second)
            self._order_of(user, start + 2 * second)
        self._of("u_34", "view_item", start, anonymous_id="a_linked")
        self._of("u_nobody", "view_item", start, user_id=None, anonymous_id="a_nobody")
        self._of(
            "u_counted", "purchase", start + 3 * second, consent="analytics_only", order_id="counted", item_id="i1"
        )

    def _merges(self) -> None:
        """Merge users of the shop: one who has an account, three in a chain, and two in a circle, which is none."""
        at = FIRST_DAY + timedelta(days=140, hours=6)
        for number, name in enumerate(("u_chain_1", "u_chain_2", "u_chain_3", "u_circle_1", "u_circle_2")):
            self._order_of(name, at - timedelta(days=9 * number), anonymous_id=f"a_{name}")
        merges = (
            ("u_02", "u_06"), ("u_chain_1", "u_00"), ("u_chain_1", "u_chain_2"), ("u_chain_2", "u_chain_3"),
            ("u_circle_1", "u_circle_2"), ("u_circle_2", "u_circle_1"), ("u_05", "u_05"),
        )  # fmt: skip
        for minute, (previous, user) in enumerate(merges):
            said = json.dumps({"previous_user_id": previous})
            item = dict.fromkeys(("item_id", "price", "currency", "category", "brand"))
            self._of(user, "identify", at + timedelta(days=1, minutes=minute), properties=said, **item)

    def _tell_again(self) -> None:
        """Report some lines again: later and dearer, or at once and the same, under another event id."""
        for order in self._rng.sample([order for order in self._orders if order[0]["order_id"]], 10):
            is_later = self._rng.random() < 0.6
            for line in order:
                again = {"event_id": f"{self._ids.pop():04}"}
                if is_later:
                    again |= {"event_timestamp": line["event_timestamp"] + timedelta(minutes=5), "price": Decimal(99)}  # type: ignore[dict-item]
                self.batches[self._rng.choice("ab")].append({**line, **again})

    def _correct(self) -> None:
        """Let the second batch say something else of events of the first, received before or after them."""
        for row in self._rng.sample([row for row in self.batches["a"] if row["event_name"] != "refund"], 25):
            received = row["created_timestamp"] + timedelta(seconds=self._rng.choice((-1, 0, 1)))
            changed = {
                "price": Decimal(11) if row["price"] else None,
                "channel": "social",
                "created_timestamp": received,
            }
            self.batches["b"].append({**row, **changed})
            self.corrections += 1

    def _catalogue(self) -> None:
        def item(number: int, day: int, **columns: Any) -> Row:
            at = FIRST_DAY + timedelta(days=day)
            plain = {"item_id": f"i{number}", "valid_from": at, "created_timestamp": at, "source": "shop"}
            return plain | {"title": f"Item {number}", "price": Decimal(20), "currency": "EUR"} | columns

        soon = FIRST_DAY + timedelta(days=60)
        self.items += [
            item(0, -1, category="Home > Lamps", brand="Lux"),
            item(0, 7, category="Home > Lamps", brand="Lux"),
            item(
                0,
                28,
                category="Home > Lamps",
                brand="Lux",
                price=Decimal(9),
                attributes='{"compatible_with": ["i1", "Garden"]}',
            ),
            item(1, -1, category="Garden", valid_to=soon),
            item(1, 61, category="Garden", valid_to=FIRST_DAY + timedelta(days=209)),
            item(
                2,
                3,
                availability="Out of stock",
                price=None,
                attributes='{"colour": "Red", "note": "", "sizes": ["S", "M"]}',
            ),
            item(3, 0, title=" ", valid_to=FIRST_DAY + timedelta(days=300)),
            item(3, 0, title="Three", created_timestamp=soon, valid_to=FIRST_DAY + timedelta(days=300)),
            item(4, 5),
            item(4, 90, valid_to=FIRST_DAY + timedelta(days=90)),  # deleted
            item(11, 0, valid_from=None, title="Never seen"),
        ]

    def _accounts(self) -> None:
        def user(number: int, day: int, **columns: Any) -> Row:
            at = FIRST_DAY + timedelta(days=day)
            return {"user_id": f"u_{number:02}", "created_at": at, "created_timestamp": at, "source": "shop"} | columns

        self.users += [
            user(0, 0, country="DE", consent="granted", age_band="25-34"),
            user(1, 0, consent="granted"),
            user(1, 50, consent="none", country="SE"),
            user(2, 40, country="", gender="f"),
            user(30, 5, consent="none"),
            user(31, 5),
            # A request says only that; a file that comes later undoes what a file said, and not the request.
            user(32, 6, consent="none", created_at=None, source="request"),
            user(32, 7, consent="granted", country="SE"),
            user(33, 5, consent="none"),
            user(33, 6, consent="granted", gender="m"),
            user(33, 7, created_at=None, gender=None, consent=None),
            user(34, 8, user_id="a_linked", consent="analytics_only", created_at=None, source="request"),
            user(34, 9, user_id="a_nobody", consent="analytics_only", created_at=None, source="request"),
            # Refused under the name that was merged, and of two things said at once.
            user(35, 7, user_id="u_chain_2", consent="analytics_only"),
            user(35, 7, user_id="u_chain_1", consent="granted"),
            user(35, 9, consent="granted"),
            user(35, 9, consent="analytics_only"),
        ]

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield every event row with the name of its batch."""
        for batch, rows in self.batches.items():
            for row in rows:
                yield batch, row
