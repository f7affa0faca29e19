"""Plants faults in rows of which each is one event: what canonical files hold, and a shop's own tables."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from random import Random

from generated_exports.exports import TrueOrder
from generated_exports.known_shop import Person, Row, Shop

NO_USER = ("", "NULL", "null", "undefined", "0", "guest", "None", "nan", "00000000-0000-0000-0000-000000000000", "-1")
"""What stands where a known shopper's id would; of a device, those that shops do not number by."""
NO_DEVICE = ("", "NULL", "undefined", "(not set)", "nan", "00000000-0000-0000-0000-000000000000")
BLANKS = (" {}", "{} ", "\u00a0{}", "{}\u200b", "\ufeff{}", "\u3000{}", "{}\t")


def numbered(rows: Iterable[Row], number: int) -> list[Row]:
    """Give every row an ``event_id`` of its own, not in the order of time."""
    return [row | {"event_id": f"{(k * 7919) % 1000:03}-{number}-{k}"} for k, row in enumerate(rows)]


def with_visits(rng: Random, shop: Shop, rows: list[Row]) -> tuple[list[Row], set[Person]]:
    """Add views of people who may order nothing, and return who they were."""
    visitors = {person for person in shop.people if person.user or person.device}
    seen: set[Person] = set()
    for person in sorted(visitors, key=lambda one: (one.user or "", one.device or "")):
        if rng.random() > 0.5:
            first = shop.orders[0]
            seen.add(person)
            rows.append(
                dict.fromkeys(first.rows()[0])
                | {
                    "event_name": "view_item",
                    "event_timestamp": first.at - timedelta(minutes=7),
                    "item_id": first.lines[0].item,
                    "line_number": 0,
                    "price": first.lines[0].price,
                    "currency": first.currency,
                    "user_id": person.user,
                    "anonymous_id": person.device,
                }
            )
    return rows, seen


def told_again(rng: Random, rows: list[Row], faults: list[str], *, has_seconds: bool = True) -> list[Row]:
    """Tell purchases of some orders again, minutes or days later, with what counts nowhere changed."""
    if rng.random() < 0.65:
        return rows
    faults.append("duplicates: told again")
    again = []
    orders = sorted({row["order_id"] for row in rows if row["event_name"] == "purchase"})
    chosen = [order for order in orders if rng.random() > 0.4]
    later = rng.choice((timedelta(seconds=2 if has_seconds else 60), timedelta(minutes=3), timedelta(days=9)))
    is_dearer = rng.random() > 0.6
    for row in rows:
        is_bought = row["event_name"] == "purchase" and (row["quantity"] or 1) > 0
        if is_bought and row["order_id"] in chosen:
            changed = {"event_timestamp": row["event_timestamp"] + later}
            if is_dearer:
                changed |= dearer(row)
            if "event_id" in row:
                changed["event_id"] = f"again-{row['event_id']}"
            again.append(row | changed)
    return rows + again


def dearer(row: Row) -> Row:
    """Return what a report says that is wrong about the money, in the columns that the right one has."""
    name = "price" if row["price"] is not None else "value"
    return {"value": None, name: row[name] + Decimal("1.11")}


def repeated(rng: Random, rows: list[Row], faults: list[str]) -> list[Row]:
    """Repeat some rows as they are, at once or at the end."""
    if rng.random() < 0.7:
        return rows
    faults.append("duplicates: exact")
    extra = [row for row in rows if rng.random() > 0.5]
    # Where the later row corrects the earlier one, a repetition at the end would be the newest.
    is_beside = rng.random() > 0.5 or "corrections: later row" in faults
    if is_beside:
        return [one for row in rows for one in ((row, row) if row in extra else (row,))]
    return rows + extra


def corrected(rng: Random, rows: list[Row], faults: list[str], *, has_arrivals: bool) -> list[Row]:
    """Put a wrong version of some events before the right one; with arrival times, in any place."""
    if rng.random() < 0.7:
        return rows
    faults.append("corrections: newest arrival" if has_arrivals else "corrections: later row")
    out: list[Row] = []
    late: list[Row] = []
    for row in rows:
        if row["event_name"] == "purchase" and rng.random() > 0.5:
            wrong = row | dearer(row) | {"quantity": row["quantity"] + 1}
            if has_arrivals:
                wrong["created_timestamp"] = row["created_timestamp"] - timedelta(seconds=30)
                late.append(wrong)
            else:
                out.append(wrong)
        out.append(row)
    return out + late


def shared_ids(rng: Random, rows: list[Row], faults: list[str]) -> list[Row]:
    """Let the lines of an order share one ``event_id``."""
    if rng.random() < 0.75:
        return rows
    faults.append("corrections: lines share an event_id")
    first: dict[tuple[str, str], str] = {}
    return [
        row
        if row["event_name"] != "purchase"
        else row | {"event_id": first.setdefault((row["order_id"], row["event_timestamp"]), row["event_id"])}
        for row in rows
    ]


def signed(rng: Random, rows: list[Row], faults: list[str]) -> list[Row]:
    """Send what was given back below zero."""
    if rng.random() < 0.6 or not any(row["event_name"] == "refund" for row in rows):
        return rows
    faults.append("refunds: negative")
    return [
        row
        | {
            name: -row[name]
            for name in ("quantity", "value")
            if row["event_name"] == "refund" and row[name] is not None
        }
        for row in rows
    ]


def refunds_first(rng: Random, rows: list[Row], faults: list[str]) -> list[Row]:
    """Put refunds before the purchases that they give back."""
    if rng.random() < 0.7 or not any(row["event_name"] == "refund" for row in rows):
        return rows
    faults.append("refunds: before the purchase")
    return sorted(rows, key=lambda row: row["event_name"] != "refund")


def orphaned(rng: Random, orders: dict[str, TrueOrder], rows: list[Row], faults: list[str]) -> list[Row]:
    """Take the purchase of one order out of the file, whose refund stays."""
    given_back = sorted({row["order_id"] for row in rows if row["event_name"] == "refund"})
    if rng.random() < 0.8 or not given_back:
        return rows
    faults.append("refunds: without a purchase")
    lost = given_back[rng.randrange(len(given_back))]
    orders[lost].rows[:] = [row for row in orders[lost].rows if row["event_name"] == "refund"]
    return [row for row in rows if row["order_id"] != lost or row["event_name"] == "refund"]


def spelled(rng: Random, rows: list[Row], faults: list[str], names: Iterable[str]) -> list[Row]:
    """Write ids in the spellings that tools give them, and words where there is nobody."""
    is_float = rng.random() > 0.75
    is_blank = rng.random() > 0.75
    has_words = rng.random() > 0.6
    out = []
    for row in rows:
        new = dict(row)
        for name in names:
            value = new.get(name)
            if value is None:
                words = NO_USER if name == "user_id" else NO_DEVICE if name == "anonymous_id" else ("",)
                word = rng.choice(words) if has_words else ""
                if word:
                    new[name] = word
                    faults.append("ids: words for nobody")
                continue
            if is_float and value.isdigit() and rng.random() > 0.4:
                new[name] = f"{value}.0"
                faults.append("ids: 17850.0")
            elif is_blank and rng.random() > 0.6:
                new[name] = rng.choice(BLANKS).format(value)
                faults.append("ids: blanks")
        out.append(new)
    return out
