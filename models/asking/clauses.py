"""One clause of a question: its verb, time, counts, money and items."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from models.asking.lexicon import (
    AGAIN,
    AMOUNT,
    AT_MAX,
    AT_MIN,
    BARE_WINDOW,
    CHURN,
    COUNTED,
    CURRENCY,
    FILLER,
    FIRST,
    FUTURE_WINDOW,
    LESS,
    LIGHT,
    MORE,
    NEGATION,
    NOUNS,
    PAST_WINDOW,
    SPEND,
    TODAY,
    TOMORROW,
    UNIT_DAYS,
    VERBS,
    WILL,
)
from models.asking.question import Action, Bound, Filter, Kind

Window = Literal["past", "future", "open"]


@dataclass(frozen=True, kw_only=True)
class Clause:
    """What a clause says."""

    text: str
    action: Action
    past: bool
    """Whether it is of the past, and so a condition on the population."""
    window: Window
    """What its span of days says by itself; ``open`` where it says neither, or there is none."""
    again: bool
    """Whether it was done before."""
    first: bool
    """Whether it was never done before."""


class _Scanner:
    """A text whose parts are taken out as they are understood."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: "str | re.Pattern[str]", *, instead: str = " ") -> "re.Match[str] | None":
        match = re.search(pattern, self.text)
        if match:
            self.text = self.text[: match.start()] + instead + self.text[match.end() :]
        return match


def read_clause(text: str, filters: Sequence[Filter]) -> tuple[Clause | None, str]:
    """Return a clause, or None where no event is named in the text; and what was not understood of it.

    Args:
        text: in small letters.
        filters: what ``@0``, ``@1``, … of the text stand for.
    """
    scanner = _Scanner(text)
    window, days = _window(scanner)
    will = bool(scanner.take(WILL))
    negated = bool(scanner.take(NEGATION)) or bool(
        re.search(r"\b(?:with|have|has|had|placed|made|place|make)\s+no\b", text)
    )
    again, first = bool(AGAIN.search(scanner.text)), bool(scanner.take(FIRST))
    scanner.take(r"\b(?:again|once more|another time|repeatedly|a second time)\b")
    items = _items(scanner, filters)
    spending, money = _money(scanner)
    counts_items = bool(
        re.search(r"\d+ (?:or more )?(?:different )?(?:items?|products?|articles?|pieces?|things?)\b", scanner.text)
    )
    times = _times(scanner)
    kind, is_past = _kind(scanner)
    churn = kind is None and _churn(scanner)
    if churn:
        kind, is_past, negated = "order", churn == "past", not negated
    low, high = money
    if kind is None and (spending or low is not None or high is not None):
        has = bool(scanner.take(r"\b(?:with|having|have|has|had)\b"))
        if spending or has:
            kind, is_past = "order", spending == "past" or spending is None
    if kind is None:
        return None, _unread(text, scanner, days)
    if times == (0, 0):
        negated, times = True, (1, None)
    filtered = Filter()
    for one in items:
        filtered = replace(
            filtered, **{name: value for name, value in vars(one).items() if value != getattr(Filter(), name)}
        )
    action = Action(
        kind=kind,
        items=filtered,
        counts_items=counts_items,
        min_times=times[0],
        max_times=times[1],
        min_money=low,
        max_money=high,
        negated=negated,
        days=days,
    )
    past = is_past and not will
    return Clause(
        text=text, action=action, past=past, window=window, again=again and not past, first=first
    ), scanner.text


def _unread(text: str, scanner: _Scanner, days: int | None) -> str:
    """Return what a text without an event leaves to be read: all of it, where it says something of an event."""
    only_span = _Scanner(text)
    if days is not None:
        _window(only_span)
    only_span.take(WILL)
    return scanner.text if scanner.text.split() == only_span.text.split() else text


def span_of(text: str) -> tuple[Window, int | None]:
    """Return the span of days that a text names, such as "in the next 30 days"; None where it names none."""
    return _window(_Scanner(text))


def _window(scanner: _Scanner) -> tuple[Window, int | None]:
    if match := scanner.take(FUTURE_WINDOW):
        return "future", int(match[1] or 1) * UNIT_DAYS[match[2]]
    if match := scanner.take(PAST_WINDOW):
        return "past", int(match[1] or 1) * UNIT_DAYS[match[2]]
    if match := scanner.take(BARE_WINDOW):
        return "open", (1 if match[1].startswith("a") else int(match[1])) * UNIT_DAYS[match[2]]
    if scanner.take(TOMORROW):
        return "future", 1
    if scanner.take(TODAY):
        return "past", 1
    return "open", None


def _items(scanner: _Scanner, filters: Sequence[Filter]) -> list[Filter]:
    items = []
    while match := scanner.take(r"(?:\b(?:in|from|of|by)\s+)?@(\d+)", instead=" item "):
        items.append(filters[int(match[1])])
    if match := scanner.take(r"\b(?:with\s+)?(?:only\s+)?(\d)(?:\s+or\s+(\d|more|fewer|less))?[\s-]*stars?\b"):
        first, second = float(match[1]), match[2]
        other = float(second) if (second or "").isdigit() else first
        low = 1.0 if second in ("fewer", "less") else min(first, other)
        high = 5.0 if second == "more" else max(first, other)
        items.append(Filter(min_stars=low, max_stars=high))
    elif scanner.take(r"\b(?:bad|negative|poor|critical)(?=\s+(?:product\s+)?(?:reviews?|ratings?))"):
        items.append(Filter(min_stars=1.0, max_stars=2.0))
    elif scanner.take(r"\b(?:good|positive|great)(?=\s+(?:product\s+)?(?:reviews?|ratings?))"):
        items.append(Filter(min_stars=4.0, max_stars=5.0))
    cost = r"\b(?:that\s+)?(?:costing|costs?|priced(?:\s+at)?)\s+"
    for words, bounds in _ENDS:
        if match := scanner.take(rf"{cost}(?:{words})\s+{AMOUNT}"):
            cheapest, dearest = bounds(float(match[1].replace(",", ".")))
            items.append(Filter(min_price=cheapest, max_price=dearest))
    if match := scanner.take(rf"{cost}{AMOUNT}\s+or (more|less)\b"):
        bound = Bound(float(match[1].replace(",", ".")))
        items.append(Filter(min_price=bound) if match[2] == "more" else Filter(max_price=bound))
    return items


Ends = tuple[Bound | None, Bound | None]
_ENDS: Final[tuple[tuple[str, Callable[[float], Ends]], ...]] = (
    (AT_MIN, lambda amount: (Bound(amount), None)),
    (AT_MAX, lambda amount: (None, Bound(amount))),
    (MORE, lambda amount: (Bound(amount, included=False), None)),
    (LESS, lambda amount: (None, Bound(amount, included=False))),
)
"""Words before an amount, and the ends of the range that they mean; "no more than" goes before "more than"."""


def _money(scanner: _Scanner) -> tuple[str | None, Ends]:
    """Return the tense of a verb of spending, if there is one, and the ends of the range of money."""
    for tense, verb in SPEND.items():
        for words, bounds in _ENDS:
            if match := scanner.take(rf"\b{verb}\s+(?:a total of\s+)?(?:{words})\s*{AMOUNT}"):
                return tense, bounds(float(match[1].replace(",", ".")))
        if match := scanner.take(rf"\b{verb}\s+(?:a total of\s+)?{AMOUNT}(?:\s+or more)?(?!\s+or less)"):
            return tense, (Bound(float(match[1].replace(",", "."))), None)
        if scanner.take(rf"\b{verb}\b(?:\s+(?:money|anything|something))?"):
            return tense, (Bound(0.0, included=False), None)
    for words, bounds in _ENDS:
        of_money = r"\s+(?:in|of)\s+(?:revenue|money|total)"
        worth = rf"\b(?:for|worth|bringing)?\s*(?:{words})\s*(?=[^a-z]*{CURRENCY}|\d+(?:\.\d+)?{of_money})"
        if match := scanner.take(rf"{worth}{AMOUNT}(?:{of_money})?"):
            return None, bounds(float(match[1].replace(",", ".")))
    return None, (None, None)


def _times(scanner: _Scanner) -> tuple[int, int | None]:
    """Return the fewest and the most times; the noun that was counted stays, for it may be what tells the kind."""
    rest = r"(?=\s+" + COUNTED + r")"
    if match := scanner.take(rf"\b(?:{AT_MIN})\s+(\d+|1|one){rest}") or scanner.take(r"\b(\d+) (?:times )?or more\b"):
        return int(match[1]) if match[1].isdigit() else 1, None
    if match := scanner.take(rf"\b(?:{AT_MAX})\s+(\d+){rest}"):
        return 1, int(match[1])
    if match := scanner.take(rf"\b(?:{MORE})\s+(\d+){rest}"):
        return int(match[1]) + 1, None
    if match := scanner.take(rf"\b(?:{LESS})\s+(\d+){rest}"):
        return (1, int(match[1]) - 1) if int(match[1]) > 1 else (0, 0)
    if match := scanner.take(rf"\b(?:exactly|only|just)\s+(\d+|one){rest}"):
        count = int(match[1]) if match[1].isdigit() else 1
        return count, count
    if match := scanner.take(rf"\b(\d+){rest}"):
        return int(match[1]), 0 if match[1] == "0" else None
    return 1, None


def _kind(scanner: _Scanner) -> tuple[Kind | None, bool]:
    """Return what is done, and whether it is said of the past."""
    for name, nouns in NOUNS.items():
        for tense, light in LIGHT.items():
            if scanner.take(rf"\b(?:{light})\s+{FILLER}(?:{nouns})\b"):
                return name, tense == "past"
    for kind, future, past in VERBS:
        if match := re.search(rf"\b(?:have|has|had|been|ever|already)\b.*?\b(?:{past})\b", scanner.text) or re.search(
            rf"\b(?:{past})\b", scanner.text
        ):
            scanner.take(rf"\b(?:{past})")
            # "put" is its own past: without "have" before it, it is of the present.
            return kind, not match[0].startswith("put")
        if scanner.take(rf"\b(?:{future})\b"):
            return kind, False
    return None, False


def _churn(scanner: _Scanner) -> str | None:
    return next((tense for tense, pattern in CHURN.items() if scanner.take(rf"\b(?:{pattern})\b")), None)
