"""What the values of a column look like: times, events, numbers, ids."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from shopsight.ingestion.guessing.numbers import number_of, number_shape
from shopsight.ingestion.guessing.words import EVENT_OF_WORD, event_word
from shopsight.ingestion.readers.chunks import DOUBTS

RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]| ?UTC|[+-]\d\d:?\d\d)")
LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?")
FORMATS: Final = (
    "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%Y%m%d", "%Y%m%d%H%M%S", "%Y-%m-%d %H", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M", "%d-%m-%Y",
    "%m-%d-%Y", "%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M:%S %p",
    "%m/%d/%Y, %I:%M:%S %p", "%d/%m/%Y, %H:%M:%S", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p",
    "%B %d, %Y %I:%M %p", "%b %d, %Y %I:%M %p", "%B %d, %Y, %I:%M %p", "%b %d, %Y, %I:%M %p", "%B %d, %Y %H:%M",
    "%b %d, %Y %H:%M", "%B %d, %Y", "%b %d, %Y", "%d %B %Y %H:%M", "%d %b %Y %H:%M", "%d %b %Y %H:%M:%S", "%d %B %Y",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%Y %H:%M", "%a, %d %b %Y %H:%M:%S",
)  # fmt: skip
UNITS: Final = (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
FIRST_DAY, LAST_DAY = 34_700, 54_790
"""1995 and 2050 in a spreadsheet's days since 1899-12-30."""
FIRST_SECOND, LAST_SECOND = 788_918_400.0, 2_524_608_000.0
"""1995 and 2050: a number outside is no time in that unit."""
SERIALS: Final = 0.7
"""How well days of a spreadsheet fit: other numbers look alike, so that a name must speak for them."""
SAMPLE: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class TimeShape:
    """How times are written; all None where validation reads them as they are."""

    unit: str | None = None
    format: str | None = None
    zone: str | None = None
    said: str = ""
    fit: float = 1.0
    """0 to 1: how sure it is that these are times at all."""


def time_shape(values: Sequence[Any]) -> TimeShape | None:
    """Return how a column writes its times, or None where it is no column of times."""
    some = _some(values)
    if not some:
        return None
    if all(isinstance(value, datetime) for value in some):
        has_zone = some[0].tzinfo is not None
        return TimeShape(zone=None if has_zone else "UTC", said="typed as a timestamp")
    if all(isinstance(value, date) for value in some):
        return TimeShape(zone="UTC", said="days without an hour")
    texts = [str(value).strip() for value in some]
    return _of_numbers(texts) or _of_texts(texts, values)


def _of_numbers(texts: list[str]) -> TimeShape | None:
    numbers = [float(text) for text in texts if re.fullmatch(r"\d{9,19}(\.\d+)?", text)]
    if _most(len(numbers), texts):
        for unit, size in UNITS:
            if _most(sum(FIRST_SECOND <= number / size < LAST_SECOND for number in numbers), texts):
                return TimeShape(unit=unit, said=f"epoch in {unit}")
    if _most(sum(_is_day(text) for text in texts), texts):
        return TimeShape(unit="days", zone="UTC", said="days of a spreadsheet", fit=SERIALS)
    return None


def _of_texts(texts: list[str], values: Sequence[Any]) -> TimeShape | None:
    if _most(sum(bool(RFC3339.fullmatch(text)) for text in texts), texts):
        return TimeShape(said="ISO 8601 with a zone")
    if _most(sum(bool(LOCAL.fullmatch(text)) for text in texts), texts):
        return TimeShape(zone="UTC", said="ISO 8601 without a zone")
    fitting = [form for form in FORMATS if all(_reads(text, form) for text in texts)]
    if len(fitting) > 1:  # one value far down can decide between day and month
        distinct = sorted({str(value).strip() for value in values})
        fitting = [form for form in fitting if all(_reads(text, form) for text in distinct)]
    if not fitting:
        return None
    form, said = _likeliest(fitting, texts)
    return TimeShape(format=form, zone="UTC", said=said)


def _likeliest(fitting: list[str], texts: list[str]) -> tuple[str, str]:
    """Return one of the formats that all values have, and why: none lies in the future, or rows are in their order."""
    if len(fitting) == 1:
        return fitting[0], f"reads as {fitting[0]}"
    read = {form: [datetime.strptime(text, form) for text in texts] for form in fitting}
    past = [form for form in fitting if max(read[form]) <= datetime.now() + timedelta(days=1)]
    if len(past) == 1:
        return past[0], f"reads as {past[0]}; the other order of day and month would lie in the future"
    sorted_ones = [form for form in past or fitting if read[form] == sorted(read[form]) and len(set(read[form])) > 2]
    if len(sorted_ones) == 1:
        return sorted_ones[0], f"reads as {sorted_ones[0]}, in which the rows are in order of time"
    first, second, *_ = sorted_ones or past or fitting
    return first, f"reads as {first}; {second} would do too"


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
        return (shape.fit, shape.said) if shape else (0.0, "")
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


def _is_day(text: str) -> bool:
    return re.fullmatch(r"\d{5}([.,]\d+)?", text) is not None and FIRST_DAY <= int(text[:5]) < LAST_DAY


def _reads(text: str, form: str) -> bool:
    try:
        return 1995 <= datetime.strptime(text, form).year < 2050
    except ValueError:
        return False


def doubtful_hours(values: Sequence[Any], form: str | None, zone: str, column: str) -> list[str]:
    """Return a sentence for local times in the hour that daylight saving leaves out, and in the one it has twice."""
    clock = ZoneInfo(zone)
    counts = dict.fromkeys(DOUBTS, 0)
    for value in values:
        local = value if isinstance(value, datetime) else _local(str(value).strip(), form)
        if local is None or local.tzinfo is not None:
            continue
        first, second = (local.replace(tzinfo=clock, fold=fold).utcoffset() for fold in (0, 1))
        if first != second:
            is_there = local.replace(tzinfo=clock).astimezone(UTC).astimezone(clock).replace(tzinfo=None) == local
            counts["hour_that_is_there_twice" if is_there else "hour_that_is_missing"] += 1
    return [f"{column}: {count:,} {DOUBTS[name]}" for name, count in counts.items() if count]


def _local(text: str, form: str | None) -> datetime | None:
    try:
        return datetime.strptime(text, form) if form else datetime.fromisoformat(text)
    except ValueError:
        return None
