"""Reads a column as what it is: numbers, moments or texts, from typed columns and from text alike."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.evaluation.drift.findings import Kind
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.guessing.values import UNITS, time_shape

TIMES_LOOKED_AT: Final = 400
CURRENCY: Final = r"[$€£¥₹₽₺₩%]|EUR|USD|GBP|CHF|PLN|SEK|NOK|DKK|CZK|JPY|CNY"
THOUSANDS: Final = r"-?\d{1,3}(,\d{3})+(\.\d+)?"
DAYS_TO_1970: Final = 25_569
"""Days from a spreadsheet's first day to 1970."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the values of a column are read."""

    kind: Kind
    decimal: str = "."
    """What parts a number from its decimals."""
    has_signs: bool = False
    """Whether signs of currencies and of thousands stand around and in numbers."""
    format: str | None = None
    """How a moment is written; None reads ISO 8601 and typed columns."""
    unit: str | None = None
    """Unit of a moment that is a number."""


def is_number(kind: pa.DataType) -> bool:
    """Return whether a type is one of numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """Return whether a type is one of texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without what only its storage is: dictionaries, and empty texts and NaN for nothing."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        values = _decoded(values)
    if pa.types.is_null(values.type) or pa.types.is_boolean(values.type):
        return values.cast(pa.string())
    if is_text(values.type):
        values = values.cast(pa.string())
        empty = pc.equal(pc.utf8_trim_whitespace(values), "")
        return pc.if_else(empty, pa.scalar(None, pa.string()), values)
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values


def _decoded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.chunked_array([pa.array([None if v is None else v.hex() for v in values.to_pylist()], pa.string())])


def text_of(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of any type as text; whole numbers without a point, whatever stores them."""
    kind = values.type
    if is_text(kind):
        return values
    if pa.types.is_floating(kind):
        whole = pc.floor(values)
        if pc.all(pc.and_(pc.equal(whole, values), pc.less(pc.abs(values), 1e15))).as_py():
            return whole.cast(pa.int64()).cast(pa.string())
    if pa.types.is_nested(kind):
        return _each_as_text(values)
    try:
        return values.cast(pa.string())
    except pa.ArrowNotImplementedError:  # durations, and whatever types come
        return _each_as_text(values)


def _each_as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())])


def numbers_of(values: pa.ChunkedArray, reading: Reading) -> NDArray[np.float64]:
    """Return numbers, NaN for nulls and for what is no number; infinities stay."""
    if is_text(values.type):
        values = _read_numbers(values, reading)
    elif pa.types.is_decimal(values.type) or pa.types.is_boolean(values.type):
        values = values.cast(pa.float64())
    elif not is_number(values.type):
        return np.full(len(values), np.nan)
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _read_numbers(texts: pa.ChunkedArray, reading: Reading) -> pa.ChunkedArray:
    written = "value"
    if reading.has_signs:
        bare = f"trim(regexp_replace(value, '{CURRENCY}', '', 'g'))"
        written = f"case when regexp_full_match({bare}, '{THOUSANDS}') then replace({bare}, ',', '') else {bare} end"
    elif reading.decimal == ",":
        written = "case when value not like '%.%' then replace(value, ',', '.') end"
    else:
        try:
            return texts.cast(pa.float64())
        except pa.ArrowInvalid:
            pass
    with utc_connection() as connection:
        connection.register("texts", pa.table({"value": texts}))
        return connection.sql(f"select try_cast({written} as double) as value from texts").to_arrow_table()["value"]


def time_reading(texts: pa.ChunkedArray) -> Reading | None:
    """Return how texts write moments, or None where they do not."""
    some = texts.drop_null()
    step = max(1, len(some) // TIMES_LOOKED_AT)
    shape = time_shape(some.take(pa.array(range(0, len(some), step))).to_pylist())
    return None if shape is None else Reading(kind="time", format=shape.format, unit=shape.unit)


def seconds_of(values: pa.ChunkedArray, reading: Reading) -> NDArray[np.float64]:
    """Return moments in seconds since 1970, NaN for nulls and for what is no moment."""
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = values.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        return np.asarray(moments.cast(pa.float64()).to_numpy(), dtype=np.float64) / 1e6
    if reading.unit is not None:
        numbers = numbers_of(values, Reading(kind="number"))
        if reading.unit == "days":
            return (numbers - DAYS_TO_1970) * 86_400
        return numbers / dict(UNITS)[reading.unit]
    if not is_text(kind):
        return np.full(len(values), np.nan)
    return _read_times(values, reading.format)


def _read_times(texts: pa.ChunkedArray, form: str | None) -> NDArray[np.float64]:
    literal = (form or "").replace("'", "''")
    read = f"try_strptime(trim(value), '{literal}')" if form else "try_cast(replace(value, ' UTC', 'Z') as timestamptz)"
    with utc_connection() as connection:
        connection.register("texts", pa.table({"value": texts}))
        query = f"select epoch_us({read}) / 1e6 as value from texts"
        moments = connection.sql(query).to_arrow_table()["value"]
    return np.asarray(moments.cast(pa.float64()).to_numpy(), dtype=np.float64)
