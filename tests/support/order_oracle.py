"""Random orders in every form that shops send, and what they add up to, by plain arithmetic.

The oracle knows nothing of SQL: it goes through the rows of one order after another, with numbers in dictionaries.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from batches import Row

FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)
RATES = {(0, "USD"): Decimal("0.5"), (10, "USD"): Decimal("0.8"), (12, "GBP"): Decimal("1.25")}
"""By the day from which they hold: JPY has none, and GBP none before many orders that are given back later."""
CENT = Decimal("0.0001")


def rate_of(currency: str | None, day: int) -> Decimal | None:
    """Return what one unit is worth in euros; None where nobody says."""
    if currency in (None, "EUR"):
        return Decimal(1)
    begun = [(first, name) for first, name in RATES if name == currency and first <= day]
    return RATES[max(begun)] if begun else None


class RandomOrder:
    """One order: its lines, told once or more, and what was given back of it."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self.rows: list[Row] = []
        self._rng = rng
        self._number = number
        self._shopper = f"u_{rng.randrange(7)}"
        self._currency = rng.choice((None, "EUR", "EUR", "EUR", "USD", "JPY", "GBP"))
        self._told_at = FIRST_DAY + timedelta(days=rng.randrange(20), minutes=rng.randrange(1200))
        self._lines = [self._a_line(line) for line in range(rng.randrange(1, 4))]
        if rng.random() < 0.9:
            self._tell()
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            self._give_back()

    def _a_line(self, line: int) -> dict[str, Any]:
        rng = self._rng
        price = rng.choice((None, Decimal(10), Decimal("7.3")))
        value = rng.choice((None, 12.5)) if price is not None else float(rng.randrange(1, 40))
        pieces = {"quantity": rng.choice((None, 1, 2, 3)), "price": price, "value": value}
        return {"item_id": f"i{rng.randrange(5)}", "line_number": line, "currency": self._currency, **pieces}

    def _tell(self) -> None:
        for report in range(self._rng.choice((1, 1, 2, 3))):
            # A later report says other prices, and may be of another shopper: it counts nowhere.
            at = self._told_at + (timedelta(minutes=3 * report) if report < 2 else timedelta(days=9))
            changed = {"price": Decimal(99), "value": None, "user_id": f"u_{self._rng.randrange(7)}"} if report else {}
            for line in self._lines:
                self._event("purchase", at, **line | changed)
        if self._rng.random() < 0.2:  # the source numbers neither of two lines that it tells together
            for price in (4, 3):
                line = {"item_id": "i9", "quantity": 1, "price": Decimal(price), "currency": self._currency}
                self._event("purchase", self._told_at, **line)

    def _give_back(self) -> None:
        rng = self._rng
        at = self._told_at + timedelta(days=rng.randrange(1, 8), minutes=rng.randrange(999))
        item = rng.choice(self._lines)["item_id"]
        stated = rng.choice((None, self._currency))
        forms: tuple[Callable[[], dict[str, Any]], ...] = (
            dict,
            lambda: {"value": float(rng.randrange(1, 30)), "currency": stated},
            lambda: {"item_id": item, "quantity": rng.choice((None, 1, 2))},
            lambda: {"item_id": item, "quantity": rng.choice((None, 1)), "price": Decimal(6), "currency": stated},
            lambda: {"item_id": item, "value": float(rng.choice((-1, 1)) * rng.randrange(1, 9)), "currency": stated},
        )
        self._event("refund", at, **rng.choice(forms)())

    def _event(self, name: str, at: datetime, **columns: Any) -> None:
        self.rows.append(
            {
                # Not in the order of time: a model that sorts by id alone gives itself away.
                "event_id": f"{self._rng.randrange(10**9):09}-{self._number}-{len(self.rows)}",
                "line_number": 0,
                "event_name": name,
                "event_timestamp": at,
                "created_timestamp": at + timedelta(minutes=1),
                "user_id": self._shopper,
                "order_id": f"o{self._number}",
                "consent": "granted",
                "source": "shop",
            }
            | columns
        )


class Account:
    """What was bought and given back of one order, in one pool of money."""

    def __init__(self) -> None:
        self.pieces: dict[str, int] = defaultdict(int)
        self.amount: dict[str, Decimal] = defaultdict(Decimal)
        self.back_pieces: dict[str, int] = defaultdict(int)
        self.back_amount: dict[str, Decimal] = defaultdict(Decimal)

    def left(self) -> Decimal:
        """Return what was bought and not given back."""
        return sum(self.amount.values(), Decimal(0)) - sum(self.back_amount.values(), Decimal(0))


class Settled:
    """An order gone through row by row: its account by pool ('' is euros), and how many rows told what was known."""

    def __init__(self, rows: list[Row]) -> None:
        self.accounts: dict[str, Account] = defaultdict(Account)
        self.repeats = 0
        self._main: dict[str, str] = {}
        # Where one line has no rate, no line of the order in that currency is converted.
        self._unconverted = {row.get("currency") for row in rows if _rate_of_day(row) is None}
        ordered = sorted(rows, key=lambda row: row["event_timestamp"])
        first_reports: dict[tuple[str, int], datetime] = {}
        for row in (row for row in ordered if row["event_name"] == "purchase"):
            if (
                first_reports.setdefault((row["item_id"], row["line_number"]), row["event_timestamp"])
                == row["event_timestamp"]
            ):
                self._buy(row)
            else:
                self.repeats += 1
        refunds = [row for row in ordered if row["event_name"] == "refund"]
        for row in refunds:
            if row.get("item_id"):
                self._give_back_item(row)
        for row in refunds:
            if not row.get("item_id"):
                self._give_back_order(row)

    def _money_of(self, row: Row) -> tuple[str, Decimal]:
        """Return the pool of a row's money, and the rate into it."""
        rate = _rate_of_day(row)
        is_unconverted = rate is None or row.get("currency") in self._unconverted
        return (row["currency"], Decimal(1)) if is_unconverted or rate is None else ("", rate)

    def _buy(self, row: Row) -> None:
        pool, rate = self._money_of(row)
        quantity = row["quantity"] or 1
        account = self.accounts[pool]
        self._main[row["item_id"]] = pool
        account.pieces[row["item_id"]] += quantity
        value = row.get("value")
        brought = _rounded(row["price"] * rate) * quantity if value is None else _rounded(Decimal(str(value)) * rate)
        account.amount[row["item_id"]] += brought

    def _give_back_item(self, row: Row) -> None:
        item = row["item_id"]
        stated, rate = self._money_of(row)
        account = self.accounts[stated if row.get("currency") else self._main.get(item, "")]
        value = None if row.get("value") is None else _rounded(abs(Decimal(str(row["value"]))) * rate)
        price = None if row.get("price") is None else _rounded(row["price"] * rate)
        if item not in account.pieces:
            pieces = row.get("quantity") or 1
            account.back_amount[item] += value if value is not None else (price or Decimal(0)) * pieces
            account.back_pieces[item] += pieces
            return
        bought, pieces_bought = account.amount[item], account.pieces[item]
        pieces = row.get("quantity") or _pieces_of(value if price is None else None, bought, pieces_bought)
        if value is None:
            value = price * pieces if price is not None else _rounded(bought * pieces / pieces_bought)
        account.back_amount[item] += min(value, bought - account.back_amount[item])
        account.back_pieces[item] += min(pieces, pieces_bought - account.back_pieces[item])

    def _give_back_order(self, row: Row) -> None:
        stated, rate = self._money_of(row)
        value = None if row.get("value") is None else _rounded(Decimal(str(row["value"])) * rate)
        if not self._main:
            self.accounts[stated].back_amount["(unknown)"] += value or Decimal(0)
            return
        if value is None:
            pools = [pool for pool, account in self.accounts.items() if account.pieces]
        else:
            pools = [stated if row.get("currency") else next(iter(self._main.values()))]
        for account in (self.accounts[pool] for pool in pools):
            is_all = value is None or 0 < account.left() <= value
            account.back_amount["(spread)"] += account.left() if value is None else min(value, account.left())
            if is_all:
                account.back_pieces.update(account.pieces)


def _pieces_of(value: Decimal | None, bought: Decimal, pieces: int) -> int:
    """Return how many pieces came back where a refund names none."""
    if value is None:
        return 1
    return 0 if value * pieces < bought else pieces if value >= bought else 1


def _rate_of_day(row: Row) -> Decimal | None:
    return rate_of(row.get("currency"), (row["event_timestamp"] - FIRST_DAY).days)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
