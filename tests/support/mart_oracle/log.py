"""The log gone through row by row, in plain Python: what counts, whose it is, which session it is in, what it brought.

Nothing here knows of SQL or of the dbt project but for the numbers that it is given. Whatever a mart says has to follow
from these rows (see the modules beside this one).
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from batches import Row

Event = dict[str, Any]
Mart = list[dict[str, Any]]
INTERACTIONS = ("view_item", "add_to_wishlist", "add_to_cart", "purchase", "rate_item")
PAGES = ("page_view", "search", "view_item_list", "select_item", "view_item")
EMPTY_IS_NONE = (
    *("user_id", "anonymous_id", "session_id", "item_id", "list_id", "placement", "campaign_id", "query", "text"),
    *("category", "brand"),
)
FOUR_PLACES = Decimal("0.0001")
CONSENTS = ("none", "analytics_only", "granted")
"""The strictest first; the last says yes to everything."""


def grouped(rows: Iterable[Event], key: Callable[[Event], Hashable]) -> dict[Any, list[Event]]:
    """Return the rows of each value of a key, in their order."""
    groups: dict[Any, list[Event]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def values_of(rows: Iterable[Event], column: str) -> list[Any]:
    """Return the values of a column that are there, in order."""
    return [row[column] for row in rows if row[column] is not None]


def first(values: list[Any]) -> Any:
    """Return the first value, or None."""
    return values[0] if values else None


def last(values: list[Any]) -> Any:
    """Return the last value, or None."""
    return values[-1] if values else None


def count(rows: Iterable[Event], *names: str) -> int:
    """Return how many of the events have one of the names."""
    return sum(row["event_name"] in names for row in rows)


def ratio(numerator: Any, denominator: Any) -> float | None:
    """Return a share; None of nothing."""
    return float(numerator) / float(denominator) if denominator else None


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970."""
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def by_user(rows: Iterable[Event]) -> dict[str, list[Event]]:
    """Return the rows of each shopper, in their order."""
    return grouped(rows, lambda row: row["user_id"])


def day_end(day: date) -> datetime:
    """Return the midnight at which a day is over."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def mean(values: list[Any]) -> float | None:
    """Return the mean; None of nothing."""
    return float(sum(values)) / len(values) if values else None


def purchases(rows: Iterable[Event]) -> list[Event]:
    """Return the purchase lines."""
    return [row for row in rows if row["event_name"] == "purchase"]


def hour(row: Event) -> int:
    """Return the hour of the day."""
    return int(row["event_timestamp"].hour)


def weekday(row: Event) -> int:
    """Return the day of the week, Monday as 1."""
    return int(row["event_timestamp"].isoweekday())


def strictest(consents: Iterable[str]) -> str:
    """Return the consent that permits least."""
    return min(consents, key=CONSENTS.index)


def in_time(row: Event) -> tuple[Any, ...]:
    """Return what orders events: time, and within an instant the names of the event."""
    return (row["event_timestamp"], row["event_id"], row["line_number"], row["source"], row["event_name"])


def newest(rows: Iterable[Row], key: str, moment: str) -> dict[str, dict[str, Any]]:
    """Return the row of each key whose moment, and then whose arrival, is the latest."""
    latest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row[moment], row["created_timestamp"])):
        latest[row[key]] = dict(row)
    return latest


class Log:
    """What counts of a log.

    Args:
        events: batch and row of each event that was ever sent.
        items: the catalogue's rows.
        users: the accounts' rows.
        rates: what a unit of a currency is worth, by the day from which that holds.
        variables: bounds by the names that dbt_project.yml has for them.

    Attributes:
        events: every event that counts, with its shopper, session and money, in order of time.
        behaviour: those of them that are counted in totals.
        personal: those of them that may say something of one shopper.
        lines: what orders are made of: lines of purchases and refunds.
        users: what is known of each shopper with events.
        sessions: the events of each session, in order of time.
    """

    def __init__(
        self,
        events: Iterable[tuple[str, Row]],
        items: Iterable[Row],
        users: Iterable[Row],
        rates: Mapping[tuple[date, str], Decimal],
        variables: Mapping[str, int],
    ) -> None:
        self.variables, self._rates = variables, rates
        self.catalogue_rows = [_cleaned_item(row) for row in items]
        self.catalogue = newest(self.catalogue_rows, "item_id", "valid_from")
        sent = list(events)
        self._merges = _merges(row for _, row in sent)
        current = [self._merged(row) for row in _newest_versions(sent)]
        self.links = _links(current)
        self.accounts = self._accounts([_cleaned(row, ("country", "consent")) for row in users])
        self._reused = _reused_session_ids(current, self.links, variables["longest_session_hours"])
        self.reporting_currency = _majority([row["currency"] for row in current if row["event_name"] in SALE_NAMES])
        self.repeats = _repeats(row for row in current if row["event_name"] in SALE_NAMES)
        for row in current:
            self._settle_money(row)
        self.lines = self._order_lines(row for row in current if row["event_name"] in SALE_NAMES)
        self.events = [self._stitched(row) for row in current if row["hash"] not in self.repeats]
        self.users = {user: self._user(rows) for user, rows in grouped(self.events, lambda row: row["user_id"]).items()}
        self._cut_sessions()
        self.sessions = grouped(self.events, lambda row: row["session_id"])
        for row in self.events:
            user = self.users[row["user_id"]]
            row["is_bot"] = user["is_bot"]
            row["is_usable"] = user["is_usable"] and row["consent"] != "none"
            row["is_personal"] = user["is_personal"] and row["consent"] == "granted"
        self.behaviour = [row for row in self.events if row["is_usable"]]
        self.personal = [row for row in self.events if row["is_personal"]]
        self.newest_at = max(row["event_timestamp"] for row in self.events)

    def _merged(self, row: Event) -> Event:
        """Give an event to whom its user was merged into."""
        merge = self._merges.get(row["user_id"], {})
        row["known_at"] = max(row["created_timestamp"], merge.get("merged_at", row["created_timestamp"]))
        row["user_id"] = merge.get("user_id", row["user_id"])
        return row

    def _accounts(self, rows: list[Event]) -> dict[str, Event]:
        """Return what is said last of each user: of users who were merged, where nothing is said of the other."""
        for row in rows:
            row["account"] = row["user_id"]
            person = self.links.get(row["user_id"], row)["user_id"]
            row["user_id"] = self._merges.get(row["user_id"], {"user_id": person})["user_id"]
        own = [row for row in rows if row["account"] == row["user_id"]]
        accounts: dict[str, Event] = {}
        for described in (rows, own, *([r for r in part if _describes(r)] for part in (rows, own))):
            accounts |= newest(described, "user_id", "created_timestamp")
        for user, said in by_user(row for row in rows if row["consent"]).items():
            of_each_account = grouped(said, lambda row: (row["account"], row["source"])).values()
            latest = [max(rows, key=_when_and_how_strict)["consent"] for rows in of_each_account]
            accounts[user]["consent"] = strictest(latest)
        return accounts

    def _settle_money(self, row: Event) -> None:
        row["sent_price"], row["sent_value"] = row["price"], row["value"]
        foreign = row["currency"] is not None and row["currency"] != self.reporting_currency
        if foreign:
            begun = [day for day, name in self._rates if name == row["currency"] and day <= row["event_date"]]
            rate = self._rates[max(begun), row["currency"]]
            row["currency"] = self.reporting_currency
            row["price"] = _rounded(row["price"] * rate) if row["price"] is not None else None
        row["amount"] = None
        if row["value"] is not None:
            row["amount"] = _rounded(row["value"] * (rate if foreign else 1))

    def _order_lines(self, sales: Iterable[Event]) -> list[Event]:
        """Return the lines of every order: what was bought, and what each refund gave back of it."""
        lines: list[Event] = []
        for row in sales:
            row["order_key"] = f"{row['source']}:{row['order_id'] or row['event_id']}"
            row["lines"] = []
            if row["hash"] not in self.repeats:
                lines.append(row)
        for order in grouped(lines, lambda row: row["order_key"]).values():
            _settle_order(order)
        return [line | {"event": row} for row in lines for line in row["lines"]]

    def _stitched(self, row: Event) -> Event:
        link = self.links.get(row["anonymous_id"], {})
        listed = self.catalogue.get(row["item_id"], {})
        row["is_identified"] = (row["user_id"] or link.get("user_id")) is not None
        if row["user_id"] is None and link:
            row["known_at"] = max(row["known_at"], link["linked_at"])
        row["user_id"] = row["user_id"] or link.get("user_id") or row["anonymous_id"]
        row["sent_category"], row["sent_brand"] = row["category"], row["brand"]
        row["category"] = row["category"] or listed.get("category")
        row["brand"] = row["brand"] or listed.get("brand")
        row["revenue"] = sum((line["amount"] for line in row["lines"]), Decimal(0)) if row.get("lines") else None
        return row

    def _user(self, rows: list[Event]) -> Event:
        account = self.accounts.get(rows[0]["user_id"], {})
        days: dict[date, set[tuple[datetime, str]]] = defaultdict(set)
        for row in rows:
            if row["event_name"] in PAGES:
                minute = row["event_timestamp"].replace(second=0, microsecond=0)
                days[row["event_date"]].add((minute, row["event_id"]))
        minutes = [minute for pages in days.values() for minute, _ in pages]
        in_a_minute = max((minutes.count(minute) for minute in minutes), default=0)
        in_a_day = max((len(pages) for pages in days.values()), default=0)
        purchases = count(rows, "purchase")
        is_bot = purchases == 0 and (
            in_a_minute >= self.variables["bot_pages_per_minute"] or in_a_day >= self.variables["bot_pages_per_day"]
        )
        said = [of_source[-1]["consent"] for of_source in grouped(rows, lambda row: row["source"]).values()]
        consent = strictest([*said, *values_of([account], "consent")] if account else said)
        return {
            "user_id": rows[0]["user_id"],
            "first_seen_at": rows[0]["event_timestamp"],
            "last_seen_at": rows[-1]["event_timestamp"],
            "events": len(rows),
            "purchases": purchases,
            "intents": count(rows, "add_to_cart", "add_to_wishlist", "begin_checkout"),
            "pages_in_a_minute": in_a_minute,
            "pages_in_a_day": in_a_day,
            "consent": consent,
            "country": account.get("country") or last(values_of(rows, "country")),
            "is_bot": is_bot,
            "is_usable": not is_bot and consent != "none",
            "is_personal": not is_bot and consent == "granted",
        }

    def _cut_sessions(self) -> None:
        """Give every event its session: the source's, or one that ends with a pause."""
        gap = timedelta(minutes=self.variables["session_gap_minutes"])
        open_sessions: dict[tuple[str, str], tuple[datetime, str]] = {}
        for row in self.events:
            if row["session_id"] and row["session_id"] not in self._reused:
                continue
            visit = f"{row['session_id']}|" if row["session_id"] else ""
            previous, session = open_sessions.get((row["user_id"], visit), (None, ""))
            if previous is None or row["event_timestamp"] > previous + gap:
                name = f"{row['user_id']}|{visit}{microseconds(row['event_timestamp'])}"
                session = "s_" + hashlib.md5(name.encode()).hexdigest()[:16]
            open_sessions[row["user_id"], visit] = row["event_timestamp"], session
            row["session_id"] = session


SALE_NAMES = ("purchase", "refund")


def _when_and_how_strict(said: Event) -> tuple[datetime, int]:
    return said["created_timestamp"], -CONSENTS.index(said["consent"])


def _describes(account: Event) -> bool:
    return any(account.get(column) for column in ("created_at", "age_band", "gender", "country"))


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(FOUR_PLACES, ROUND_HALF_UP)


def _cleaned(row: Row, columns: Iterable[str]) -> Event:
    return dict(row) | {column: row.get(column) or None for column in columns}


def _cleaned_item(row: Row) -> Event:
    columns = ("description", "category", "brand", "price", "currency", "valid_to")
    gone = (row.get("availability") or "").strip().lower().replace(" ", "_") in ("out_of_stock", "sold_out")
    return _cleaned(row, columns) | {
        "title": row["title"].strip() or None,
        "is_available": not gone,
        "valid_from": row["valid_from"] or row["created_timestamp"],
    }


def _newest_versions(events: Iterable[tuple[str, Row]]) -> list[Event]:
    """Return the newest version of every event, cleaned, in order of time."""
    versions: dict[tuple[Any, ...], tuple[datetime, str, Row]] = {}
    for batch, row in events:
        name = tuple(row[key] for key in ("source", "event_id", "event_name", "item_id", "order_id", "line_number"))
        version = (row["created_timestamp"], batch, row)
        versions[name] = max(versions.get(name, version), version, key=lambda version: version[:2])
    current = []
    for name, (_, _, row) in versions.items():
        properties = _properties(row.get("properties"))
        current.append(
            _cleaned(row, EMPTY_IS_NONE)
            | {
                "hash": name,
                "event_date": row["event_timestamp"].date(),
                "quantity": row.get("quantity"),
                "value": None if row.get("value") is None else _rounded(Decimal(str(row["value"]))),
                "query": (row.get("query") or "").strip() or None,
                "text": (row.get("text") or "").strip() or None,
                "intent_label": properties.get("intent_label"),
                "search_results": properties["results"] if isinstance(properties.get("results"), int) else None,
            }
        )
    return sorted(current, key=in_time)


def _merges(events: Iterable[Row]) -> dict[str, Event]:
    """Return whom each merged user was merged into in the end, and since when that is known: four merges at most."""
    newest_of: dict[str, tuple[datetime, datetime, str]] = {}
    for row in events:
        previous = _properties(row.get("properties")).get("previous_user_id")
        if row["event_name"] == "identify" and previous and row["user_id"] not in (None, previous):
            merge = (row["event_timestamp"], row["created_timestamp"], row["user_id"])
            newest_of[previous] = max(newest_of.get(previous, merge), merge)
    merges = {}
    for previous in newest_of:
        user = previous
        path: list[tuple[Any, ...]] = []
        while user in newest_of and len(path) < 5:
            path.append(newest_of[user])
            user = newest_of[user][2]
        if len(path) < 5:
            merges[previous] = {"user_id": user, "merged_at": max(merged_at for _, merged_at, _ in path)}
    return merges


def _properties(text: str | None) -> dict[str, Any]:
    return json.loads(text) if text and text.startswith("{") else {}


def _links(current: list[Event]) -> dict[str, Event]:
    """Return the user of every device that was seen with one user, and since when that is known."""
    both = [row for row in current if row["user_id"] and row["anonymous_id"]]
    return {
        device: {"user_id": rows[0]["user_id"], "linked_at": min(row["known_at"] for row in rows)}
        for device, rows in grouped(both, lambda row: row["anonymous_id"]).items()
        if len({row["user_id"] for row in rows}) == 1
    }


def _reused_session_ids(current: list[Event], links: Mapping[str, Event], hours: int) -> set[str]:
    """Return the session ids that name several shoppers, or more time than a visit takes."""
    reused = set()
    for session, rows in grouped((row for row in current if row["session_id"]), lambda row: row["session_id"]).items():
        users: set[str] = set()
        strangers: set[str] = set()
        for row in rows:
            user = row["user_id"] or links.get(row["anonymous_id"], {}).get("user_id")
            (users if user else strangers).add(user or row["anonymous_id"])
        if (
            len(users) > 1
            or len(strangers) > 1
            or rows[-1]["event_timestamp"] > rows[0]["event_timestamp"] + timedelta(hours=hours)
        ):
            reused.add(session)
    return reused


def _majority(values: list[str | None]) -> str | None:
    names = {value for value in values if value}
    return max(names, key=lambda name: (values.count(name), name), default=None)


def _repeats(sales: Iterable[Event]) -> set[Hashable]:
    """Return the names of the events that tell a line again: purchases later, anything at once and alike."""
    lines = ("source", "order_id", "event_name", "item_id", "line_number")
    repeats: set[Hashable] = set()
    numbered = (row for row in sales if row["order_id"])
    for rows in grouped(numbered, lambda row: tuple(row[key] for key in lines)).values():
        said: set[tuple[Any, ...]] = set()
        for row in rows:
            says = (row["event_timestamp"], row["quantity"], row["price"], row["currency"], row["value"])
            is_later = row["event_name"] == "purchase" and row["event_timestamp"] > rows[0]["event_timestamp"]
            if is_later or says in said:
                repeats.add(row["hash"])
            said.add(says)
    return repeats


def _settle_order(order: list[Event]) -> None:
    """Give every event of an order its lines: item, pieces and amount."""
    bought: dict[str, list[Any]] = {}
    for row in order:
        if row["event_name"] == "purchase":
            pieces = row["quantity"] or 1
            amount = row["amount"] if row["amount"] is not None else (row["price"] or Decimal(0)) * pieces
            row["lines"].append({"item_id": row["item_id"], "pieces": pieces, "amount": amount})
            account = bought.setdefault(row["item_id"], [0, Decimal(0)])
            account[0] += pieces
            account[1] += amount
    left = {item: list(account) for item, account in bought.items()}
    refunds = [row for row in order if row["event_name"] == "refund"]
    for row in (row for row in refunds if row["item_id"]):
        pieces, amount = _asked(row, bought.get(row["item_id"]))
        if row["item_id"] in left:
            account = left[row["item_id"]]
            pieces, amount = min(pieces, account[0]), min(amount, account[1])
            account[0] -= pieces
            account[1] -= amount
        row["lines"].append({"item_id": row["item_id"], "pieces": pieces, "amount": amount})
    for row in (row for row in refunds if not row["item_id"]):
        for item, (pieces, amount) in left.items():
            if pieces or amount:
                row["lines"].append({"item_id": item, "pieces": pieces, "amount": amount})
            left[item] = [0, Decimal(0)]
        if not bought:
            row["lines"].append({"item_id": None, "pieces": 0, "amount": Decimal(0)})


def _asked(row: Event, bought: list[Any] | None) -> tuple[int, Decimal]:
    """Return how many pieces and how much money a refund of an item asks for."""
    pieces, amount = row["quantity"], row["amount"]
    if pieces is None and bought is not None and row["price"] is None and amount is not None:
        pieces_bought, price = bought
        pieces = 0 if amount * pieces_bought < price else pieces_bought if amount >= price else 1
    pieces = 1 if pieces is None else pieces
    if amount is None and row["price"] is not None:
        amount = row["price"] * pieces
    elif amount is None:
        amount = _rounded(bought[1] * pieces / bought[0]) if bought else Decimal(0)
    return pieces, amount
