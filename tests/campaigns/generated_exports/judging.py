"""Imports exports, builds their marts at once, and says of each whether it is right, refused, or silently wrong."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import duckdb
import pyarrow.parquet as pq
import yaml
from order_oracle import FIRST_DAY, RATES, Settled

from generated_exports.exports import Export, TrueOrder, Truth
from generated_exports.known_shop import Person, Row
from shopsight.errors import ShopsightError
from shopsight.ingestion.guessing.guess import guess_mapping
from shopsight.ingestion.importers import check_file, import_file
from shopsight.marts import open_marts
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings, prepare_environment
from shopsight.warehouse import run_dbt

RECEIVED_AT: Final = datetime(2026, 5, 1, tzinfo=UTC)
MARTS: Final = ("orders", "order_items", "users", "unconverted_revenue")
HALF_A_CENT: Final = Decimal("0.005")
QUESTIONS: Final = {
    "money": "has the sign .*, which several currencies share"
    "|is equal on all lines of the one order"
    "|is not taken off: is it an amount or a percentage"
    "|is an amount of the whole order and left out; .* a discount may be in it",
    "items": "it is read as the number of a line",
    "pieces given back": "is equal on all lines of the one order",
}
"""What ``map`` asks, by what it is about: a difference of another kind is not excused by it."""
VerdictKind = Literal["right", "refused", "silently wrong"]
Amounts = dict[str, tuple[Decimal, Decimal]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of an export."""

    kind: VerdictKind
    said: str = ""
    """The error, question or reason where it was refused; else what differs, a line each."""


@dataclass(kw_only=True)
class Imported:
    """What an import said, and what of it landed."""

    export: Export
    number: int
    error: str = ""
    """Why it was refused, in a sentence for its user."""
    crash: str = ""
    """What stopped it otherwise."""
    warnings: list[str] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    """Original text of rows that were refused one by one."""
    reasons: set[str] = field(default_factory=set)
    batches: list[Path] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    mapping: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the marts say of an order."""

    amounts: Amounts
    """What it brought and gave back by currency; that of the reporting currency is ``''``."""
    pieces: dict[str, int]
    returned: int
    shopper: str


@dataclass(frozen=True, kw_only=True)
class Landed:
    """What became of several exports in one warehouse."""

    imported: dict[int, Imported]
    """By seed."""
    orders: dict[tuple[str, str], Seen]
    """By source and number."""
    customers: dict[str, int]
    """Orders of each shopper."""
    pseudonymiser: Pseudonymiser

    def verdict(self, seed: int, truth: Truth | None = None) -> Verdict:
        """Return what became of an export, by its own truth or by another one."""
        done = self.imported[seed]
        if truth is not None:
            done = replace(done, export=replace(done.export, truth=truth))
        return _verdict(done, self.orders, self.customers, self.pseudonymiser)


def land(exports: Sequence[tuple[int, Export]], settings: Settings, folder: Path) -> Landed:
    """Import every export into one shop, and build the marts.

    Args:
        exports: each with its seed.
        settings: of a home that is empty; its currency is EUR.
        folder: where files may be written.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    rates = [f"{FIRST_DAY.replace(day=1 + day):%Y-%m-%d},{name},{rate}" for (day, name), rate in RATES.items()]
    settings.currency_rates_path.write_text("\n".join(["date,currency,rate", *rates]) + "\n")
    prepare_environment(settings)
    imported = {seed: _import(settings, seed, export, folder / str(seed)) for seed, export in exports}
    run_dbt(settings, "run", "--select", *(f"+{mart}" for mart in MARTS), "--no-write-json")
    with open_marts(settings, MARTS) as connection:
        return Landed(
            imported=imported,
            orders=_orders(connection),
            customers=dict(connection.execute("select user_id, orders from users where orders > 0").fetchall()),
            pseudonymiser=Pseudonymiser.from_settings(settings),
        )


def _import(settings: Settings, number: int, export: Export, folder: Path) -> Imported:
    done = Imported(export=export, number=number)
    done.paths = export.write(folder)
    try:
        if export.format_name == "mapped":
            guess = guess_mapping(done.paths[0], source=export.source)
            done.warnings = guess.warnings
            done.mapping = folder / "mapping.yml"
            done.mapping.write_text(yaml.safe_dump(guess.document, allow_unicode=True))
        for path in done.paths:
            receipt = import_file(settings, export.format_name, path, received_at=RECEIVED_AT, mapping=done.mapping)
            batch = next(settings.event_log_dir.glob(f"arrival_date=*/batch={receipt.batch_id}"))
            done.batches.append(batch)
            if receipt.quarantined:
                _note_quarantine(done, batch)
    except ShopsightError as error:
        done.error = f"{error}"
    # Whatever else stops an import, a shop would see it as a traceback: it is counted as a fault, not raised.
    except Exception as error:  # noqa: BLE001
        done.crash = f"{type(error).__name__}: {error}"
    return done


def _note_quarantine(done: Imported, batch: Path) -> None:
    for row in pq.read_table(batch / "quarantine.parquet").to_pylist():
        raw, reasons = row["raw"], row["reasons"]
        if row["table_name"] != "events":
            continue
        text = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
        if set(reasons) & set(done.export.by_design) or not text.strip(' ,;|\t\r\n"0123456789'):
            continue
        done.quarantined.append(text)
        done.reasons |= set(reasons)


def _orders(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Seen]:
    """Return every order of the marts by source and number."""
    amounts: dict[tuple[str, str], Amounts] = defaultdict(dict)
    pieces: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    rows = connection.execute(
        "select source, order_id, gross_revenue, refunded_revenue, refunded_quantity, user_id, net_revenue from orders"
    ).fetchall()
    for source, order, gross, back, _, _, net in rows:
        assert net == gross - back
        if gross or back:
            amounts[source, order][""] = (gross, back)
    for key, currency, gross, back in connection.execute(
        "select order_key, currency, gross_revenue, refunded_revenue from unconverted_revenue"
    ).fetchall():
        source, order = key.split(":", 1)
        amounts[source, order][currency] = (gross, back)
    for source, order, item, quantity in connection.execute(
        "select source, order_id, item_id, quantity from order_items where quantity > 0"
    ).fetchall():
        pieces[source, order][item] = quantity
    return {
        (source, order): Seen(
            amounts=amounts[source, order], pieces=pieces[source, order], returned=returned, shopper=shopper
        )
        for source, order, _, _, returned, shopper, _ in rows
    }


def _verdict(
    done: Imported, orders: dict[tuple[str, str], Seen], customers: dict[str, int], pseudonymiser: Pseudonymiser
) -> Verdict:
    if done.crash:
        return Verdict(kind="silently wrong", said=done.crash)
    if done.error:
        return Verdict(kind="refused", said=done.error)
    differences, excused = _differences(done, orders, customers, pseudonymiser)
    if differences:
        questions = [said for said in (_question(done, about) for about, _ in differences) if said]
        if len(questions) == len(differences):
            return Verdict(kind="refused", said="; ".join(sorted(set(questions))))
        return Verdict(kind="silently wrong", said="\n".join(text for _, text in differences))
    if excused:
        return Verdict(kind="refused", said=f"quarantined: {', '.join(sorted(done.reasons))}")
    return Verdict(kind="right")


def _differences(
    done: Imported, orders: dict[tuple[str, str], Seen], customers: dict[str, int], pseudonymiser: Pseudonymiser
) -> tuple[list[tuple[str, str]], bool]:
    """Return what differs from the truth, each with what it is about; and whether a quarantine explains the rest."""
    truth, source = done.export.truth, done.export.source
    numbers, shoppers, devices = _landed(done)
    expected = {_key(number, order, done, pseudonymiser): order for number, order in truth.orders.items()}
    differences: list[tuple[str, str]] = []
    excused = False
    bought: dict[str, int] = defaultdict(int)
    for key, order in expected.items():
        named = [raw for raw in done.quarantined if _number_of(key, done) in raw]
        seen = orders.get((source, key)) if key in numbers else None
        shopper = _shopper(key, order.person, truth.people, pseudonymiser)
        wrong = _compared(key, order.rows, shopper, seen)
        if wrong and named and any(not _compared(key, rows, shopper, seen) for rows in _without(order.rows, named)):
            wrong, excused = [], True
        differences += wrong
        if seen and any(row["event_name"] == "purchase" for row in order.rows):
            bought[seen.shopper] += 1
    for key in sorted(numbers - set(expected)):
        differences.append(("orders", f"order {key} is none of the shop's"))
    users = {pseudonymiser.user(person.user) for person in truth.people if person.user}
    unknown = {pseudonymiser.anonymous(person.device) for person in truth.people if person.device}
    unknown |= {
        pseudonymiser.anonymous(f"order {number}")
        for number, order in truth.orders.items()
        if not (order.person.user or order.person.device)
    }
    for what, were, truly in (("known shoppers", shoppers, users), ("devices", devices, unknown)):
        # Of rows that were refused, those may be missing whom no other row names; nobody may be there besides.
        if were - truly or (truly - were and not done.quarantined):
            differences.append(("people", f"{len(were)} {what}, not {len(truly)}"))
    for shopper, count in bought.items():
        if customers.get(shopper, 0) != count and not differences and not excused:
            differences.append(("people", f"a shopper has {customers.get(shopper, 0)} orders, not {count}"))
    return differences, excused


def _landed(done: Imported) -> tuple[set[str], set[str], set[str]]:
    """Return the orders, known users and devices of the events that landed."""
    orders, users, devices = set[str](), set[str](), set[str]()
    for batch in done.batches:
        for file in batch.glob("events/*.parquet"):
            rows = pq.read_table(file, columns=["event_name", "order_id", "user_id", "anonymous_id"]).to_pylist()
            orders |= {row["order_id"] for row in rows if row["event_name"] in ("purchase", "refund")}
            users |= {row["user_id"] for row in rows if row["user_id"]}
            devices |= {row["anonymous_id"] for row in rows if row["anonymous_id"]}
    return orders, users, devices


def _key(number: str, order: TrueOrder, done: Imported, pseudonymiser: Pseudonymiser) -> str:
    if not done.export.truth.per_actor:
        return number
    return f"{pseudonymiser.user(order.person.user or '')}-{number}"


def _number_of(key: str, done: Imported) -> str:
    return key.split("-", 1)[1] if done.export.truth.per_actor else key


def _compared(key: str, rows: list[Row], shopper: str, seen: Seen | None) -> list[tuple[str, str]]:
    """Return what differs of one order."""
    if seen is None:
        return [("orders", f"order {key} is missing")] if rows else []
    settled = Settled(list(rows))
    differences = []
    for pool in sorted({*settled.accounts, *seen.amounts}):
        account = settled.accounts[pool]
        true = (sum(account.amount.values(), Decimal(0)), sum(account.back_amount.values(), Decimal(0)))
        was = seen.amounts.get(pool, (Decimal(0), Decimal(0)))
        if any(abs(a - b) >= HALF_A_CENT for a, b in zip(true, was, strict=True)):
            said = f"{was[0]:.4f} less {was[1]:.4f}, not {true[0]:.4f} less {true[1]:.4f}"
            differences.append(("money", f"order {key} in {pool or 'EUR'}: {said}"))
    pieces: dict[str, int] = defaultdict(int)
    for account in settled.accounts.values():
        for item, count in account.pieces.items():
            pieces[item] += count
    if pieces != seen.pieces:
        differences.append(("items", f"order {key}: {seen.pieces}, not {dict(pieces)}"))
    returned = sum(sum(account.back_pieces.values()) for account in settled.accounts.values())
    if returned != seen.returned:
        differences.append(("pieces given back", f"order {key}: {seen.returned} pieces came back, not {returned}"))
    if seen.shopper != shopper:
        differences.append(("people", f"order {key} is another person's"))
    return differences


def _shopper(key: str, person: Person, people: set[Person], pseudonymiser: Pseudonymiser) -> str:
    """Return whose an order is; a device belongs to the known shopper that was seen with it, unless there are two."""
    users = {other.user for other in people if other.user and other.device == person.device and person.device}
    user = person.user or (users.pop() if len(users) == 1 else None)
    return pseudonymiser.user(user) if user else pseudonymiser.anonymous(person.device or f"order {key}")


def _without(order: list[Row], raws: list[str]) -> list[list[Row]]:
    """Return an order's rows without those that refused rows name: purchases, refunds, or both."""

    def is_named(row: Row) -> bool:
        return any(row["item_id"] is None or row["item_id"] in raw for raw in raws)

    return [
        [row for row in order if not (is_named(row) and row["event_name"] in names)]
        for names in (("purchase",), ("refund",), ("purchase", "refund"))
    ]


def _question(done: Imported, about: str) -> str:
    """Return what ``map`` asked about just this, or nothing."""
    asked = [warning for warning in done.warnings if re.search(QUESTIONS.get(about, "$^"), warning)]
    return asked[0] if asked else ""


def check(done: Imported) -> list[str]:
    """Return what ``validate`` warns of."""
    return [
        f"{check.name}: {check.said}"
        for path in done.paths
        for check in check_file(done.export.format_name, path, received_at=RECEIVED_AT, mapping=done.mapping)
        if check.status != "PASS"
    ]
