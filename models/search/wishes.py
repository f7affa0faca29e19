"""What a query says beside its words: prices and brands that the catalogue has, English and Chinese."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.search.words import plain_words
from models.text.normalise import normalise

_UNIT: Final = r"(?:euros?|eur|dollars?|usd|pounds?|gbp|[€$£¥]|元|块钱|块|欧元|美元)"
_MEASURE: Final = (
    r"(?:v|volts?|w|watts?|inch(?:es)?|cm|mm|m|ft|feet|g|kg|ml|l|oz|lbs?|gb|tb|mah"
    r"|h|hours?|days?|years?|pieces?|pcs|pack|%)"
)
_AMOUNT: Final = (
    rf"(?:[€$£¥]\s*)?(\d{{1,7}}(?:[.,]\d{{1,2}})?)(?![.,]?\d)(?:\s*{_UNIT}(?![a-z])|(?!\s*{_MEASURE}(?![a-z])))"
)
"""A sum of money: a number that is no measure, such as 12 V or 50 ml."""
_AT_MOST: Final = re.compile(
    rf"(?:\b(?:under|below|less than|up to|max(?:imum)?|not over|at most|cheaper than)\s+{_AMOUNT}"
    rf"|{_AMOUNT}\s*(?:以下|以内|之内|内)|(?:不超过|低于|少于|最多)\s*{_AMOUNT})",
    re.IGNORECASE,
)
_AT_LEAST: Final = re.compile(
    rf"(?:\b(?:over|above|more than|from|at least|min(?:imum)?)\s+{_AMOUNT}"
    rf"|{_AMOUNT}\s*(?:以上|起)|(?:高于|超过|至少)\s*{_AMOUNT})",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(
    rf"\b(?:between|from)\s+{_AMOUNT}\s*(?:and|to|-)\s*{_AMOUNT}|{_AMOUNT}\s*(?:到|至)\s*{_AMOUNT}",
    re.IGNORECASE,
)
_BARE_BUDGET: Final = re.compile(r"\b(\d{1,7})\s*(?:euros?|eur|dollars?|€|元|欧元)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What must hold of every result, and the rest of the query."""

    text: str
    """The query without what was read off it."""
    lowest: float | None = None
    highest: float | None = None
    brands: tuple[str, ...] = ()
    """As the catalogue writes them."""

    @property
    def any(self) -> bool:
        """Whether anything must hold."""
        return self.lowest is not None or self.highest is not None or bool(self.brands)


class WishReader:
    """Reads wishes off queries to one catalogue."""

    def __init__(self, brands: Iterable[str | None], vocabulary: Iterable[str] = ()) -> None:
        """Make one.

        Args:
            brands: of the items.
            vocabulary: further words of the catalogue in lower case: a brand that is also such a word is no wish.
        """
        words = set(vocabulary)
        names = {brand for brand in brands if brand}
        self._brands = {tuple(plain_words(name)): name for name in sorted(names) if plain_words(name)}
        self._brands = {key: name for key, name in self._brands.items() if not (len(key) == 1 and key[0] in words)}
        self._max_words = max(map(len, self._brands), default=0)

    def read(self, query: str) -> Wishes:
        """Return what a query wishes for.

        >>> WishReader(["Nike"]).read("nike shoes under 50 euro")
        Wishes(text='nike shoes', lowest=None, highest=50.0, brands=('Nike',))
        """
        text = normalise(query)
        text, lowest, highest = _prices(text)
        return Wishes(text=text, lowest=lowest, highest=highest, brands=self._named(text))

    def _named(self, text: str) -> tuple[str, ...]:
        asked = plain_words(text)
        named: dict[str, None] = {}
        place = 0
        while place < len(asked):
            for length in range(min(self._max_words, len(asked) - place), 0, -1):
                name = self._brands.get(tuple(asked[place : place + length]))
                if name is not None:
                    named.setdefault(name)
                    place += length - 1
                    break
            place += 1
        return tuple(named)


def _prices(text: str) -> tuple[str, float | None, float | None]:
    """Return the text without its prices, and the least and most that it wants to pay."""
    lowest = highest = None
    if match := _BETWEEN.search(text):
        low, high = (_amount(group) for group in match.groups() if group is not None)
        lowest, highest = min(low, high), max(low, high)
        return _without(text, match), lowest, highest
    if match := _AT_MOST.search(text):
        highest = _amount(next(group for group in match.groups() if group is not None))
        text = _without(text, match)
    if match := _AT_LEAST.search(text):
        lowest = _amount(next(group for group in match.groups() if group is not None))
        text = _without(text, match)
    if lowest is None and highest is None and (match := _BARE_BUDGET.search(text)):
        highest = _amount(match.group(1))
        text = _without(text, match)
    return text, lowest, highest


def _amount(text: str) -> float:
    return float(text.replace(",", "."))


def _without(text: str, match: "re.Match[str]") -> str:
    rest = " ".join(f"{text[: match.start()]} {text[match.end() :]}".split())
    return rest or text
