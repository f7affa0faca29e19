"""What a shopper's text names: a category and a brand of the catalogue, and a range of prices. Rules, no model."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

SEPARATOR: Final = " > "
_NUMBER: Final = r"[$€£¥]?\s?(\d{1,7}(?:[.,]\d{1,2})?)"
_UNIT: Final = r"\s?(?:[$€£¥]|usd|eur|euros?|dollars?|pounds?|gbp|cny|rmb|yuan|bucks|元|块|圆)"

# Each with its groups as (lowest, highest); the first that matches counts, so ranges stand before single bounds.
_PRICES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), groups)
    for pattern, groups in (
        (rf"\bbetween\s+{_NUMBER}(?:{_UNIT})?\s+and\s+{_NUMBER}", (1, 2)),
        (rf"{_NUMBER}(?:{_UNIT})?\s?(?:-|–|to|到|至|~)\s?{_NUMBER}{_UNIT}", (1, 2)),
        (rf"[$€£¥]\s?(\d{{1,7}})\s?(?:-|–|to)\s?{_NUMBER}", (1, 2)),
        (rf"(?:\b(?:under|below|less than|cheaper than|up to|at most|max(?:imum)?)|<)\s*{_NUMBER}", (None, 1)),
        (rf"(?:低于|不超过|少于|最多)\s?{_NUMBER}", (None, 1)),
        (rf"{_NUMBER}{_UNIT}?\s?(?:以下|以内|之内)", (None, 1)),
        (rf"(?:\b(?:over|above|more than|at least|min(?:imum)?)|>)\s*{_NUMBER}", (1, None)),
        (rf"(?:高于|超过|至少)\s?{_NUMBER}", (1, None)),
        (rf"{_NUMBER}{_UNIT}?\s?以上", (1, None)),
    )
)
# "under 5 minutes" and "over 18 years" are no prices.
_NO_PRICE: Final = re.compile(
    r"\s*(?:%|(?:minutes?|hours?|days?|weeks?|months?|years?|inch(?:es)?|cm|mm|kg|g|lbs?|ml|mah|gb|tb|w|v|stars?)\b)",
    re.IGNORECASE,
)


class TextAttributes:
    """Looks for the names of one catalogue."""

    def __init__(self, *, categories: Iterable[str | None], brands: Iterable[str | None]) -> None:
        self._categories = _category_names(categories)
        self._brands = {_plain(brand): brand for brand in sorted({b for b in brands if b and len(b) > 1})}
        self._category_pattern = _any_word(self._categories)
        self._brand_pattern = _any_word(self._brands)

    @classmethod
    def from_export(cls, path: Path) -> "TextAttributes":
        """Read the names from the exported ``items`` mart; without one, only prices are found."""
        if not path.exists():
            return cls(categories=(), brands=())
        import pyarrow.parquet as pq

        table = pq.read_table(path, columns=["category", "brand"])
        return cls(categories=table["category"].unique().to_pylist(), brands=table["brand"].unique().to_pylist())

    @property
    def knows_names(self) -> bool:
        """Whether there was a catalogue to take names from."""
        return bool(self._categories or self._brands)

    def find(self, text: str) -> dict[str, Any]:
        """Return ``category`` (a path of the catalogue), ``brand`` and ``price`` (``gte``, ``lte``), each or None."""
        plain = _plain(text)
        return {
            "category": _longest(self._category_pattern, self._categories, plain),
            "brand": _longest(self._brand_pattern, self._brands, plain),
            "price": _price(text),
        }


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _category_names(paths: Iterable[str | None]) -> dict[str, str]:
    """Return every part of every path, in singular and plural; of several places, the highest in the tree."""
    names: dict[str, str] = {}
    branches = {
        SEPARATOR.join(parts[:depth])
        for path in paths
        if path
        for parts in [path.split(SEPARATOR)]
        for depth in range(1, len(parts) + 1)
    }
    for branch in sorted(branches, key=lambda b: (b.count(SEPARATOR), b)):
        name = _plain(branch.split(SEPARATOR)[-1])
        for form in (name, name.removesuffix("s"), f"{name}s"):
            if len(form) > 1:
                names.setdefault(form, branch)
    return names


def _any_word(names: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted(names, key=len, reverse=True)
    if not ordered:
        return None
    # A word boundary only beside letters that have words: Chinese names stand between other characters.
    return re.compile("|".join(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])" for name in ordered))


def _longest(pattern: re.Pattern[str] | None, names: dict[str, str], text: str) -> str | None:
    found = pattern.findall(text) if pattern else []
    return names[max(found, key=len)] if found else None


def _price(text: str) -> dict[str, float | None] | None:
    for pattern, (low, high) in _PRICES:
        for match in pattern.finditer(text):
            if _NO_PRICE.match(text, match.end()):
                continue
            lowest = _amount(match.group(low)) if low else None
            highest = _amount(match.group(high)) if high else None
            if lowest is not None and highest is not None and lowest > highest:
                lowest, highest = highest, lowest
            return {"gte": lowest, "lte": highest}
    return None


def _amount(digits: str) -> float:
    return float(digits.replace(",", "."))
