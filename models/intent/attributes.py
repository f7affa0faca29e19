"""What a shopper's text names: a category and a brand of the catalogue, colour, material, size, a range of prices.

Rules, no model: exact, quick, and a shop sees why. What a text says no to ("not leather") comes back as excluded.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.text.attribute_words import COLOURS, IRREGULAR, MATERIALS, NO_NAME, SIZES
from models.text.negation import said_no_to

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
        (rf"\b(?:not|no|never|n't be|isn't)\s+(?:over|above|more than|exceeding)\s*{_NUMBER}", (None, 1)),
        (rf"\b(?:not|no|never|n't be|isn't)\s+(?:under|below|less than)\s*{_NUMBER}", (1, None)),
        (rf"(?:不高于|不超过|不要超过|别超过)\s?{_NUMBER}", (None, 1)),
        (rf"(?:不低于|不少于|不要低于)\s?{_NUMBER}", (1, None)),
        (rf"(?:\b(?:under|below|less than|cheaper than|up to|at most|max(?:imum)?)|<)\s*{_NUMBER}", (None, 1)),
        (rf"(?:低于|少于|最多)\s?{_NUMBER}", (None, 1)),
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
        self._categories = _Names(category_names(categories))
        self._brands = _Names({_plain(brand): brand for brand in sorted({b for b in brands if b and len(b) > 1})})
        self._colours, self._materials = _Names(_forms(COLOURS)), _Names(_forms(MATERIALS))

    @property
    def knows_names(self) -> bool:
        """Whether there was a catalogue to take names from."""
        return bool(self._categories.names or self._brands.names)

    def find(self, text: str) -> dict[str, Any]:
        """Return what a text names, each or None, and what it excludes.

        ``category`` is a path of the catalogue, ``brand`` as the catalogue spells it, ``colour`` and ``material`` in
        English, ``size`` as it was written, ``price`` a range (``gte``, ``lte``); ``excluded`` lists the names (of
        any kind but size and price) that the text says no to.
        """
        plain = _plain(text)
        kinds = {
            "category": self._categories,
            "brand": self._brands,
            "colour": self._colours,
            "material": self._materials,
        }
        mentions = sorted(
            (mention for kind, names in kinds.items() for mention in names.mentions(plain, kind)),
            key=lambda mention: (mention.start, -mention.end),
        )
        unwanted = _unwanted(plain, mentions)
        wanted = [mention for mention in mentions if mention not in unwanted]
        attributes: dict[str, Any] = {kind: _chosen_name(wanted, kind) for kind in kinds}
        excluded = list(dict.fromkeys(mention.name for mention in unwanted))
        return attributes | {"size": _size(text), "price": price_range(text), "excluded": excluded}


@dataclass(frozen=True, kw_only=True)
class _Mention:
    kind: str
    name: str
    start: int
    end: int


class _Names:
    """Names by their written forms, and where a text holds them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self._pattern = _any_word(names)

    def mentions(self, text: str, kind: str) -> list[_Mention]:
        matches = self._pattern.finditer(text) if self._pattern else ()
        return [
            _Mention(kind=kind, name=self.names[m.group()], start=m.start(), end=m.end())
            for m in matches
            if self.names[m.group()] != NO_NAME
        ]


def _unwanted(text: str, mentions: Sequence[_Mention]) -> list[_Mention]:
    """Return what the text says no to; the same words may name a category and a material: all of them fall."""
    answers = said_no_to(text, [(mention.start, mention.end) for mention in mentions])
    return [mention for mention, no in zip(mentions, answers, strict=True) if no]


def _chosen_name(mentions: Sequence[_Mention], kind: str) -> str | None:
    of_kind = [mention for mention in mentions if mention.kind == kind]
    return max(of_kind, key=lambda mention: mention.end - mention.start).name if of_kind else None


def _forms(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {form: name for name, others in words.items() for form in (name, *others)}


def _size(text: str) -> str | None:
    for pattern in SIZES:
        match = pattern.search(text)
        if match:
            return " ".join(match.group(1).split())
    return None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def category_names(paths: Iterable[str | None]) -> dict[str, str]:
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
        for form in (name, *_other_numbers(name)):
            if len(form) > 1:
                names.setdefault(form, branch)
    return names


def _other_numbers(name: str) -> Iterator[str]:
    """Yield singulars and plurals of an English name, by its last word; a form that nobody writes does no harm."""
    *before, last = name.split(" ")
    forms = {last.removesuffix("s"), f"{last}s", IRREGULAR.get(last, last)}
    if last.endswith(("ches", "shes", "xes", "sses")):
        forms.add(last[:-2])
    if last.endswith("ies"):
        forms.add(f"{last[:-3]}y")
    if last.endswith(("ch", "sh", "x", "ss")):
        forms.add(f"{last}es")
    if last.endswith("y"):
        forms.add(f"{last[:-1]}ies")
    yield from (" ".join([*before, form]) for form in sorted(forms))


def _any_word(names: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted(names, key=len, reverse=True)
    if not ordered:
        return None
    # A word boundary only beside letters that have words: Chinese names stand between other characters.
    return re.compile("|".join(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])" for name in ordered))


def price_range(text: str) -> dict[str, float | None] | None:
    """Return the lowest and the highest price (``gte``, ``lte``) that a text names; None where it names none."""
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
