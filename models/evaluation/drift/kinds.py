"""What a column holds, told from its values, so that ids are not compared as if they were amounts."""

import re
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.evaluation.drift.findings import Kind
from models.evaluation.drift.values import Reading, is_number, is_text, numbers_of, seconds_of, text_of, time_reading

SAMPLE: Final = 20_000
"""Rows that are looked at."""
MIN_READ: Final = 0.8
"""Share of values that must be numbers (or times) of a column of numbers: the others are a few broken ones."""
FEW_NAMES: Final = 50
"""Different names up to which a column is one of categories, however few rows there are."""
ROWS_PER_NAME: Final = 20
"""Rows of each name on average from which a column is one of categories, however many names there are."""
UNIQUE: Final = 0.95
"""Share of values that are there once of a column that names its row."""
SENTENCES: Final = 0.3
"""Share of values with a blank of a column of texts."""
MIN_LETTERS: Final = 12
"""Mean length of texts: names of two words are shorter."""

NUMBERS: Final = (
    Reading(kind="number"),
    Reading(kind="number", decimal=","),
    Reading(kind="number", has_signs=True),
)
"""Ways to write numbers, the plainest first."""
ID_NAME: Final = re.compile(
    r"(?i:(^|[_\s.-])(id|ids|uuid|guid|sku|ean|gtin|asin|isbn|key|hash|token|code|number|no|nr|ref|pseudonym|index|row)$)"
    r"|[a-z](Id|ID|Key|Code|No|Number)$"
    r"|(?i:^(user|visitor|customer|client|session|device|order|invoice|transaction|event|item|product|category)(id)?$)"
)
"""Names of ids; a word that only ends like one (`paid`) is none."""
PERSON_NAME: Final = re.compile(
    r"user|shopper|customer|client|visitor|visit|session|device|anonymous|cookie|order|invoice|transaction|person|event",
    re.IGNORECASE,
)
"""Names of ids of which each window has others, in a shop where nothing changed."""
TIME_NAME: Final = re.compile(r"time|date|day|stamp|_at$|(^|_)ts(_|$)|created|updated|when|since|until", re.IGNORECASE)


def recognise(name: str, values: pa.ChunkedArray) -> Reading:
    """Return what a column holds and how its values are read.

    Args:
        name: the column's name, asked where values alone do not tell: a number may be an id or an amount.
        values: the reference, or the judged window where the reference has none.
    """
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return Reading(kind="list")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Reading(kind="time")
    some = values.slice(0, SAMPLE)
    if is_number(kind):
        whole = numbers_of(some, Reading(kind="number"))
        return _of_numbers(name, whole[~np.isnan(whole)])
    texts = text_of(some)
    texts = texts.drop_null() if is_text(texts.type) else texts
    if not len(texts):
        return Reading(kind="empty")
    for reading in NUMBERS:
        numbers = numbers_of(texts, reading)
        if np.mean(~np.isnan(numbers)) >= MIN_READ:
            as_numbers = _of_numbers(name, numbers[~np.isnan(numbers)], texts)
            return reading if as_numbers.kind == "number" else as_numbers
    times = time_reading(texts)
    if times is not None and np.mean(~np.isnan(seconds_of(texts, times))) >= MIN_READ:
        return times
    return Reading(kind=_of_texts(name, texts.to_pandas()))


def _of_numbers(name: str, numbers: np.ndarray, texts: pa.ChunkedArray | None = None) -> Reading:
    finite = numbers[np.isfinite(numbers)]
    if not len(finite) or not np.array_equal(finite, np.floor(finite)):
        return Reading(kind="number")
    if TIME_NAME.search(name) and float(np.abs(finite).max()) < 2**63:
        written = pc.cast(pa.chunked_array([pa.array(finite.astype("float64").astype("int64"))]), pa.string())
        times = time_reading(written)
        if times is not None:
            return times
    counts = pd.Series(finite).value_counts()
    are_in_order = len(finite) > 2 and bool(np.all(np.diff(finite) >= 1))
    padded = texts is not None and bool(pc.any(pc.match_substring_regex(texts, r"^0\d")).as_py())
    if padded and len(counts) > FEW_NAMES:
        return Reading(kind=_of_ids(counts, len(finite)))
    if len(counts) > FEW_NAMES and (ID_NAME.search(name) or (are_in_order and len(finite) > FEW_NAMES)):
        return Reading(kind=_of_ids(counts, len(finite)))
    return Reading(kind="category" if ID_NAME.search(name) and not TIME_NAME.search(name) else "number")


def _of_ids(counts: pd.Series, rows: int) -> Kind:
    return "key" if int((counts == 1).sum()) >= UNIQUE * rows else "identity"


def _of_texts(name: str, texts: pd.Series) -> Kind:
    counts = texts.value_counts()
    if len(counts) <= FEW_NAMES or len(texts) >= ROWS_PER_NAME * len(counts):
        return "category" if len(counts) < max(2, UNIQUE * len(texts)) else _of_ids(counts, len(texts))
    stripped = texts.str.strip()
    have_blanks = float(stripped.str.contains(r"\s").mean())
    # Scripts without blanks between words are told by their letters.
    are_foreign = float(stripped.str.contains(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]").mean())
    are_long = float(stripped.str.len().mean()) >= MIN_LETTERS
    if not ID_NAME.search(name) and (are_foreign >= SENTENCES or (have_blanks >= SENTENCES and are_long)):
        return "text"
    return _of_ids(counts, len(texts))
