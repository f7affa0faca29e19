"""Finds what each line of an order brought: which column of amounts is a piece's price, a line's or an order's total.

Names only propose; what the amounts do within orders decides. An amount that is the same on all lines of every order
is the order's, whatever it is called, and adding it up line by line would count it several times.
"""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shopsight.identity import clean_id
from shopsight.ingestion.guessing.numbers import NumberShape, number_of, number_shape
from shopsight.ingestion.guessing.words import money_role, scale_of, snake_case

ROWS_COMPARED: Final = 50_000
MIN_ORDERS: Final = 2
"""Orders of several lines from which one can tell an order's amount from a line's."""
NEARLY_ALL: Final = 0.99
MIN_SHARE: Final = 0.8
CENT: Final = 0.011
WHOLE_FROM: Final = 1_000
"""Median from which amounts without decimals may be in cents."""
WITHOUT_CENTS: Final = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "UGX", "PYG"})

Amounts = list[float | None]


@dataclass(kw_only=True)
class MoneyGuess:
    """Which columns say what was paid."""

    columns: dict[str, str] = field(default_factory=dict)
    """Column of the file by ``price``, ``value`` or a key about orders."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why, for those that the amounts decided."""
    scales: dict[str, int] = field(default_factory=dict)
    """Units per unit of the currency, by column."""
    warnings: list[str] = field(default_factory=list)


class _Lines:
    """The amounts of some rows, and the orders that they belong to."""

    def __init__(self, rows: dict[str, list[Any]], order: str | None, quantity: str | None) -> None:
        self._rows = rows
        self._amounts: dict[str, Amounts] = {}
        self.orders: dict[str, list[int]] = defaultdict(list)
        if order:
            for i, value in enumerate(rows[order]):
                number = clean_id(str(value), "order_id") if value is not None else None
                if number is not None:
                    self.orders[number].append(i)
        self.several = [lines for lines in self.orders.values() if len(lines) > 1]
        self.pieces: Amounts = self.amounts(quantity) if quantity else [1.0] * len(next(iter(rows.values()), []))

    def amounts(self, column: str) -> Amounts:
        """Return a column as numbers, None where it has none."""
        if column not in self._amounts:
            texts = ["" if value is None else str(value) for value in self._rows[column]]
            shape = number_shape([text for text in texts if text])
            self._amounts[column] = [number_of(text, shape) if text else None for text in texts]
        return self._amounts[column]

    def is_of_orders(self, column: str) -> bool:
        """Return whether no order of several lines has two amounts, and orders differ: then it is the order's."""
        amounts = self.amounts(column)
        given = [{amounts[i] for i in lines} - {None} for lines in self.several]
        given = [some for some in given if some]
        alike = [some for some in given if len(some) == 1]
        differ = len({next(iter(some)) for some in alike}) > 1
        return len(given) >= MIN_ORDERS and len(alike) >= NEARLY_ALL * len(given) and differ

    def sums(self, column: str, *, by_pieces: bool) -> list[float]:
        """Return each order's sum, in the order of :attr:`orders`."""
        amounts = self.amounts(column)
        return [
            sum((amounts[i] or 0.0) * ((self.pieces[i] or 1.0) if by_pieces else 1.0) for i in lines)
            for lines in self.orders.values()
        ]

    def totals(self, column: str) -> list[float | None]:
        """Return each order's own amount."""
        amounts = self.amounts(column)
        return [next((amounts[i] for i in lines if amounts[i] is not None), None) for lines in self.orders.values()]


def guess_money(
    rows: dict[str, list[Any]],
    taken: dict[str, str],
    *,
    order: str | None,
    quantity: str | None,
    currency: Sequence[str],
    used: set[str],
) -> MoneyGuess:
    """Decide about a file's columns of amounts.

    Args:
        rows: the values of each column, row by row; only rows that speak of purchases, where others do not.
        taken: columns that names propose as ``price`` and ``value``.
        order: column of the order's id.
        quantity: column of pieces.
        currency: codes in the file.
        used: columns that are something else already.
    """
    rows = {name: values[:ROWS_COMPARED] for name, values in rows.items()}
    guess, lines = MoneyGuess(columns=dict(taken)), _Lines(rows, order, quantity)
    columns, unclear = _columns_of_money(rows, used)
    guess.warnings += unclear
    by_role = {role: [c for c in columns if money_role(c) == role] for role in ("order", "discount", "refund")}
    totals = by_role["order"] + [c for c in columns if c in taken.values() and lines.is_of_orders(c)]
    _drop_amounts_of_orders(guess, lines)
    _take_for_lines(guess, lines, totals)
    _take_discount(guess, lines, by_role["discount"])
    _take_totals(guess, lines, list(dict.fromkeys(totals)))
    for column in by_role["refund"]:
        _take_refund(guess, lines, column)
    for column in guess.columns.values():
        _take_scale(guess, rows[column], column, currency)
    left = [c for c in columns if c not in guess.columns.values() and not any(c in said for said in guess.warnings)]
    if left and order:
        guess.warnings.append(f"{', '.join(left)}: looks like money, and is not taken")
    return guess


def _columns_of_money(rows: dict[str, list[Any]], used: set[str]) -> tuple[list[str], list[str]]:
    """Return columns of amounts by name or sign, and a sentence on each that should be one and is not."""
    columns, unclear = [], []
    for name, values in rows.items():
        texts = [str(value) for value in values if value not in (None, "")]
        if not texts or name in used:
            continue
        shape: NumberShape = number_shape(texts)
        is_named = money_role(name) is not None
        if shape.share > 0.95 and (is_named or shape.signs):
            columns.append(name)
        elif is_named and shape.share > 0.5:
            unclear.append(f"{name} looks like money, but {1 - shape.share:.0%} of it is no number: not taken")
    return columns, unclear


def _drop_amounts_of_orders(guess: MoneyGuess, lines: _Lines) -> None:
    for name in ("price", "value"):
        if name in guess.columns and lines.is_of_orders(guess.columns[name]):
            del guess.columns[name]


def _take_for_lines(guess: MoneyGuess, lines: _Lines, totals: list[str]) -> None:
    """Tell a piece's price from a line's total where one column is all there is, or names and amounts disagree."""
    price, value = guess.columns.get("price"), guess.columns.get("value")
    if price and value and any((pieces or 1) > 1 for pieces in lines.pieces):
        costs = [(p, v, n or 1) for p, v, n in zip(*map(lines.amounts, (price, value)), lines.pieces, strict=True)
                 if p is not None and v is not None and (n or 1) > 1]  # fmt: skip
        as_piece = sum(abs(v - p) < CENT for p, v, _ in costs)
        if costs and as_piece > MIN_SHARE * len(costs):
            del guess.columns["value"]
            guess.warnings.append(f"{value} is {price} again, however many pieces: it is left out")
            return
        below = sum(v < p * n - CENT for p, v, n in costs)
        guess.reasons["value"] = f"what a line brought; below {price} x pieces on {below:,} lines of several pieces"
        above = sum(v > p * n + CENT for p, v, n in costs)
        if above > MIN_SHARE * len(costs):
            guess.warnings.append(f"{value} is above {price} x pieces on {above:,} lines: is tax or shipping in it?")
        return
    name, column = ("value", value) if value else ("price", price)
    if not column or not any((pieces or 1) > 1 for pieces in lines.pieces):
        return
    for total in totals:
        of_lines = _share_alike(lines.sums(column, by_pieces=False), lines.totals(total))
        of_pieces = _share_alike(lines.sums(column, by_pieces=True), lines.totals(total))
        right = "value" if of_lines > MIN_SHARE > of_pieces else "price" if of_pieces > MIN_SHARE > of_lines else name
        if right != name:
            del guess.columns[name]
            guess.columns[right] = column
        if max(of_lines, of_pieces) > MIN_SHARE:
            what = "lines" if right == "value" else "lines times pieces"
            guess.reasons[right] = f"its {what} add up to {total}"
            return
    if name == "value":
        guess.warnings.append(f"{column} is read as what a line brought; if it is a piece's price, map it as price")


def _take_discount(guess: MoneyGuess, lines: _Lines, discounts: list[str]) -> None:
    for column in discounts:
        amounts = [amount for amount in lines.amounts(column) if amount]
        if not amounts:
            guess.warnings.append(f"{column} is 0 everywhere: it is left out")
        elif "value" in guess.columns:
            guess.warnings.append(f"{column} is left out: {guess.columns['value']} should have it taken off already")
        elif "price" in guess.columns and lines.is_of_orders(column) and "order_discount" not in guess.columns:
            guess.columns["order_discount"] = column
            guess.reasons["order_discount"] = "the same on all lines of every order: it is spread over them"
        else:
            guess.warnings.append(
                f"{column} is not taken off: is it an amount or a percentage, of a line or of the order? "
                "export the lines' totals after discounts, or map it as order_discount"
            )


def _take_totals(guess: MoneyGuess, lines: _Lines, totals: list[str]) -> None:
    """Take an order's total where nothing says what its lines brought, or where they brought less than they say."""
    for column in totals:
        own = lines.totals(column)
        amount_column = guess.columns.get("value") or guess.columns.get("price")
        if "order_total" in guess.columns:
            guess.warnings.append(f"{column} is an amount of the whole order, as {guess.columns['order_total']} is")
        elif not lines.orders:
            guess.warnings.append(f"{column} is an amount of an order, and no column names the order: it is left out")
        elif amount_column is None:
            guess.columns["order_total"] = column
            guess.reasons["order_total"] = "an amount of the whole order"
            said = "it is equal on all lines of every order" if lines.several else "its name says so"
            guess.warnings.append(
                f"{column} is what the whole order cost ({said}): it is spread over the lines by pieces, for no column "
                "says what a line cost"
            )
        else:
            sums = lines.sums(amount_column, by_pieces="value" not in guess.columns)
            pairs = [(total, cost) for total, cost in zip(own, sums, strict=True) if total is not None]
            alike = sum(abs(total - cost) < CENT for total, cost in pairs)
            if alike == len(pairs):
                guess.warnings.append(f"{column} is the sum of an order's lines: it is left out")
            elif all(total <= cost + CENT for total, cost in pairs) and "order_discount" not in guess.columns:
                guess.columns["order_total"] = column
                guess.reasons["order_total"] = f"below the sum of {amount_column} in {len(pairs) - alike:,} orders"
                guess.warnings.append(
                    f"{column} is below the sum of its lines in {len(pairs) - alike:,} of {len(pairs):,} orders, as "
                    "after a discount: it is spread over the lines"
                )
            else:
                guess.warnings.append(
                    f"{column} is an amount of the whole order and left out; it is not the sum of its lines in "
                    f"{len(pairs) - alike:,} of {len(pairs):,} orders: shipping, tax or a discount may be in it"
                )


def _take_refund(guess: MoneyGuess, lines: _Lines, column: str) -> None:
    amounts = lines.amounts(column)
    if not lines.orders or not any(amounts):
        return
    given = [{amounts[i] for i in order} - {None} for order in lines.several if any(amounts[i] for i in order)]
    is_of_orders = not given or all(len(some) == 1 for some in given)
    if is_of_orders and len(given) == 1:
        guess.warnings.append(
            f"{column} is equal on all lines of the one order of several lines that has it: read as given back of the "
            "whole order; if each line gave back as much, map it as line_refund"
        )
    key = "order_refund" if is_of_orders else "line_refund"
    if key not in guess.columns:
        guess.columns[key] = column
        guess.reasons[key] = "money given back of a whole order" if is_of_orders else "money given back of a line"


def _take_scale(guess: MoneyGuess, values: Sequence[Any], column: str, currency: Sequence[str]) -> None:
    """Propose cents where the column's name says so, and ask where only its amounts look so."""
    texts = [str(value).strip() for value in values if value not in (None, "")]
    if not texts or not all(text.lstrip("+-").removesuffix(".0").isdigit() for text in texts):
        return
    has_none = bool(set(currency) & WITHOUT_CENTS)
    scale = scale_of(column)
    if scale > 1 and not has_none:
        guess.scales[column] = scale
        guess.warnings.append(f"{column} is read in units of 1/{scale:,}, as its name says")
    elif scale > 1:
        guess.warnings.append(f"{column} may be in 1/{scale:,}, but some of its currencies have no cents: say scale")
    elif not has_none and statistics.median(abs(float(text)) for text in texts) >= WHOLE_FROM:
        guess.warnings.append(f"{column} has whole numbers only, mostly {WHOLE_FROM:,} and more: if cents, scale: 100")


def _share_alike(sums: Sequence[float], totals: Sequence[float | None]) -> float:
    pairs = [(one, total) for one, total in zip(sums, totals, strict=True) if total is not None]
    return sum(abs(one - total) < CENT for one, total in pairs) / max(1, len(pairs))


def is_rating(column: str) -> bool:
    """Return whether a column of values is one of ratings by its name, and so no money."""
    return snake_case(column).split("_")[-1] in ("rating", "overall", "stars", "score")
