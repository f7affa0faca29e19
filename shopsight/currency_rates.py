"""The shop's own table of exchange rates, ``currency_rates.csv``: checked here, read by dbt.

A line holds from its day on, until the currency's next line: what one unit of the currency is worth in the reporting
currency. Money in a currency that has no rate yet is added to no sum.
"""

import csv
from datetime import date
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Final

from shopsight.errors import ShopsightError

COLUMNS: Final = ("date", "currency", "rate")
FIX: Final = "write date,currency,rate in the first line and then, for example, 2026-03-01,USD,0.92"


class CurrencyRatesError(ShopsightError):
    """A table of rates that cannot be used as it is."""


def check_currency_rates(path: Path) -> None:
    """Refuse a table that would convert money wrongly; a shop without the file has no rates.

    Raises:
        CurrencyRatesError: with the line and what is wrong with it.
    """
    if not path.exists():
        return
    seen: dict[tuple[date, str], int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            if tuple(next(lines, ())) != COLUMNS:
                raise _refusal(path, 1, f"its first line is not {','.join(COLUMNS)}")
            for fields in lines:
                key = _checked(path, lines.line_num, fields)
                if key in seen:
                    raise _refusal(path, lines.line_num, f"line {seen[key]} has a rate of that day and currency too")
                seen[key] = lines.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CurrencyRatesError(f"cannot read the currency rates {path}", why=str(error), fix=FIX) from error


def read_currency_rates(path: Path) -> dict[str, list[tuple[date, Decimal]]]:
    """Return of each currency its rates, each with the day that it holds from, in order; none without the file.

    Raises:
        CurrencyRatesError: as :func:`check_currency_rates`.
    """
    check_currency_rates(path)
    rates: dict[str, list[tuple[date, Decimal]]] = {}
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line in csv.DictReader(file):
                rates.setdefault(line["currency"], []).append((date.fromisoformat(line["date"]), Decimal(line["rate"])))
    return {currency: sorted(lines) for currency, lines in rates.items()}


def _checked(path: Path, line: int, fields: list[str]) -> tuple[date, str]:
    """Return the day and the currency of a line."""
    if len(fields) != len(COLUMNS):
        raise _refusal(path, line, f"it has {len(fields)} fields and not {len(COLUMNS)}")
    day, currency, rate = fields
    try:
        key = (date.fromisoformat(day), currency)
    except ValueError:
        raise _refusal(path, line, f"{day!r} is no date such as 2026-03-01") from None
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise _refusal(path, line, f"{currency!r} is no currency of three capitals (ISO 4217)")
    try:
        number = float(rate)
    except ValueError:
        raise _refusal(path, line, f"{rate!r} is no number with a decimal point") from None
    if not isfinite(number) or number <= 0:
        raise _refusal(path, line, f"the rate {rate} is not above 0")
    return key


def _refusal(path: Path, line: int, why: str) -> CurrencyRatesError:
    return CurrencyRatesError(f"cannot use the currency rates {path}, line {line}", why=why, fix=FIX)
