"""What the values of a column look like: times, events, numbers, ids."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from shopsight.ingestion.guessing.numbers import number_of, number_shape
from shopsight.ingestion.guessing.words import EVENT_OF_WORD, event_word

RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]| ?UTC|[+-]\d\d:?\d\d)")
LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?")
FORMATS: Final = (
    "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y%m%d",
)  # fmt: skip
UNITS: Final = (("s", 1.0), ("ms", 1e3), ("us", 1e6))
FIRST_SECOND, LAST_SECOND = 788_918_400.0, 2_524_608_000.0
"""1995 and 2050: a number outside is no time in that unit."""
SAMPLE: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class TimeShape:
    """How times are written; all None where validation reads them as they are."""

    unit: str | None = None
    format: str | None = None
    zone: str | None = None
    said: str = ""


def time_shape(values: Sequence[Any]) -> TimeShape | None:
    """Return how a column writes its times, or None where it is no column of times."""
    some = _some(values)
    if not some:
        return None
    if all(isinstance(value, datetime) for value in some):
        return TimeShape(said="typed as a timestamp")
    if all(isinstance(value, date) for value in some):
        return TimeShape(zone="UTC", said="days without an hour")
    texts = [str(value).strip() for value in some]
    numbers = [float(text) for text in texts if re.fullmatch(r"\d{9,17}(\.\d+)?", text)]
    if _most(len(numbers), texts):
        for unit, size in UNITS:
            if _most(sum(FIRST_SECOND <= number / size < LAST_SECOND for number in numbers), texts):
                return TimeShape(unit=unit, said=f"epoch in {unit}")
    if _most(sum(bool(RFC3339.fullmatch(text)) for text in texts), texts):
        return TimeShape(said="ISO 8601 with a zone")
    if _most(sum(bool(LOCAL.fullmatch(text)) for text in texts), texts):
        return TimeShape(zone="UTC", said="ISO 8601 without a zone")
    fitting = [form for form in FORMATS if all(_reads(text, form) for text in texts)]
    if not fitting:
        return None
    others = f"; {fitting[1]} would do too" if len(fitting) > 1 else ""
    return TimeShape(format=fitting[0], zone="UTC", said=f"reads as {fitting[0]}{others}")


def words_of_events(values: Sequence[Any]) -> dict[str, str]:
    """Return what the distinct values of a column mean, where they are known words and not canonical already."""
    distinct = sorted({str(value).strip() for value in values})
    known = {value: EVENT_OF_WORD.get(event_word(value)) for value in distinct}
    return {value: name for value, name in known.items() if name is not None and name != value}


def looks(name: str, values: Sequence[Any]) -> tuple[float, str]:
    """Return how well values fit a canonical column, 0 (they cannot be it) to 1, and what was seen."""
    some = _some(values)
    if not some:
        return 0.0, ""
    if name in ("event_timestamp", "created_timestamp"):
        shape = time_shape(values)
        return (1.0, shape.said) if shape else (0.0, "")
    texts = [str(value).strip() for value in some]
    if name == "event_name":
        counts = Counter(event_word(str(value)) for value in values)
        share = sum(count for word, count in counts.items() if word in EVENT_OF_WORD) / sum(counts.values())
        few = len(counts) <= 60
        return (share, f"{share:.0%} of its values are known events") if few and share > 0.4 else (0.0, "")
    numbers = [float(text.replace(",", ".")) for text in texts if re.fullmatch(r"-?\d+([.,]\d+)?", text)]
    share = len(numbers) / len(texts)
    if name in ("quantity", "list_position"):
        whole = sum(number == int(number) and abs(number) < 1e6 for number in numbers) / len(texts)
        return (whole, "whole numbers") if whole > 0.95 else (0.0, "")
    if name in ("price", "value"):
        notation = number_shape(texts)
        numbers = [number for text in texts if (number := number_of(text, notation)) is not None]
        share = len(numbers) / len(texts)
        said = f"numbers from {min(numbers):g} to {max(numbers):g}" if numbers else ""
        return (
            (share * notation.confidence, "; ".join(filter(None, (said, notation.said)))) if share > 0.95 else (0.0, "")
        )
    distinct = len(set(texts)) / len(texts)
    if name == "currency":
        fit = all(re.fullmatch(r"[A-Za-z]{3}", text) for text in texts)
        return (1.0, "codes of three letters") if fit else (0.0, "")
    if name in ("query", "text"):
        words = sum(" " in text or not text.isascii() for text in texts) / len(texts)
        return (0.5 + words / 2, f"{words:.0%} have several words")
    if name.endswith("_id"):
        longest = max(map(len, texts))
        return (
            (0.0, "") if longest > 128 else (0.7 + 0.3 * min(1.0, distinct * 4), f"{len(set(texts)):,} in the sample")
        )
    return 0.8, f"such as {texts[0][:30]}"


def _some(values: Sequence[Any]) -> list[Any]:
    """Return values spread over the whole sample: the first ones may all be alike."""
    return list(values[:: max(1, len(values) // SAMPLE)])[: SAMPLE * 2]


def _most(count: int, texts: Sequence[str]) -> bool:
    return count > 0.95 * len(texts)


def _reads(text: str, form: str) -> bool:
    try:
        return 1995 <= datetime.strptime(text, form).year < 2050
    except ValueError:
        return False
