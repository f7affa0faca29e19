"""How a column writes its numbers: the decimal sign, the sign between thousands, and the sign of a currency.

Decided from all values together: one value such as ``1,234`` says nothing, ``12.50`` beside it says everything.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

NUMBER: Final = re.compile(
    r"(?P<minus>[+-]?)\s*(?P<front>[^\d\s.,+'-]{0,3})\s*(?P<minus2>[+-]?)"
    r"(?P<body>\d(?:[\d.,'’\s]*\d)?)\s*(?P<back>[^\d\s.,+'-]{0,3})"
)
SIGNS_IN_LETTERS: Final = frozenset({"kr", "zł", "Kč", "Ft", "lei", "лв", "Rs", "R$", "US$", "A$", "C$"})
OTHER: Final = {".": ",", ",": "."}


@dataclass(frozen=True, kw_only=True)
class NumberShape:
    """How numbers are written."""

    decimal: str = "."
    thousands: str | None = None
    """Sign between thousands, or None where there is none."""
    signs: tuple[str, ...] = ()
    """Signs of currencies, the most frequent first."""
    share: float
    """Share of the values that are numbers."""
    confidence: float = 1.0
    """0 to 1: how sure the signs are."""
    said: str = ""
    question: str = ""
    """What a person has to answer, where the values cannot."""


def number_shape(values: Sequence[Any]) -> NumberShape:
    """Return how the values of a column are written as numbers."""
    texts = [str(value).strip() for value in values]
    numbers = [match for match in map(NUMBER.fullmatch, texts) if match and _has_known_signs(match)]
    share = len(numbers) / max(1, len(texts))
    signs = Counter(sign for match in numbers for sign in (match["front"], match["back"]) if sign)
    shape = _marks([re.sub(r"[\s'’]", "", match["body"]) for match in numbers])
    return NumberShape(**shape, share=share, signs=tuple(sign for sign, _ in signs.most_common()))


def _marks(bodies: list[str]) -> dict[str, Any]:
    """Return decimal and thousands sign with the reason, from numbers without blanks."""
    decimals, thousands, unclear = _counted(bodies)
    if len(decimals) == 2 or len(thousands) == 2 or set(decimals) & set(thousands):
        question = "some of its numbers have a decimal comma and some a decimal point: mend the export"
        return {"confidence": 0.3, "question": question}
    if decimals or thousands:
        decimal = next(iter(decimals), None) or OTHER[next(iter(thousands))]
        has_thousands = bool(thousands) or unclear[OTHER[decimal]] > 0
        count = decimals[decimal] or thousands.total()
        said = f"{count:,} values show {'a point' if decimal == '.' else 'a comma'} before decimals"
        said += f", {OTHER[decimal]!r} stands between thousands" if has_thousands else ""
        return {"decimal": decimal, "thousands": OTHER[decimal] if has_thousands else None, "said": said}
    return _asked(unclear, all_marked=unclear.total() == len(bodies)) if unclear else {}


def _counted(bodies: list[str]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Count the signs that must stand before decimals, that must stand between thousands, and that may do either."""
    decimals, thousands, unclear = Counter[str](), Counter[str](), Counter[str]()
    for body in bodies:
        marks = [sign for sign in body if sign in OTHER]
        if not marks:
            continue
        last = marks[-1]
        left, right = body.rsplit(last, 1)
        if len(set(marks)) == 2:
            decimals[last] += 1
            thousands[OTHER[last]] += 1
        elif len(marks) > 1:
            thousands[last] += 1
        elif len(right) != 3 or len(left) > 3 or left == "0":
            decimals[last] += 1
        else:
            unclear[last] += 1
    return decimals, thousands, unclear


def _asked(unclear: Counter[str], *, all_marked: bool) -> dict[str, Any]:
    """Return what is most likely where every sign stands alone before three digits, with the question that is left."""
    if len(unclear) == 2:
        return {"confidence": 0.3, "question": "points and commas both stand before three digits: say which is decimal"}
    (mark,) = unclear
    if mark == "." and all_marked:
        question = "every value has a point before three digits: read as decimals; for thousands, set thousands: '.'"
        return {"confidence": 0.5, "question": question}
    return {
        "decimal": OTHER[mark],
        "thousands": mark,
        "confidence": 0.6,
        "question": f"{mark!r} always stands before three digits: read as thousands; for decimals: decimal: '{mark}'",
    }


def _has_known_signs(match: re.Match[str]) -> bool:
    return all(_is_currency(sign) for sign in (match["front"], match["back"]) if sign)


def _is_currency(sign: str) -> bool:
    is_code = len(sign) == 3 and sign.isascii() and sign.isalpha() and sign.isupper()
    return is_code or sign in SIGNS_IN_LETTERS or all(unicodedata.category(one) == "Sc" for one in sign)


def number_of(text: str, shape: NumberShape) -> float | None:
    """Return one value as a number, or None where it is none in this shape."""
    match = NUMBER.fullmatch(text.strip())
    if match is None or not _has_known_signs(match):
        return None
    body = re.sub(r"[\s'’]", "", match["body"]).replace(shape.thousands or "", "").replace(shape.decimal, ".")
    if body.count(".") > 1 or "," in body:
        return None
    return float(body) * (-1 if "-" in (match["minus"], match["minus2"]) else 1)
