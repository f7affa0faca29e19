"""The recommender's prediction log as a table: a row is an item that an answer put at a position."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from serving.prediction_log import iterate_log, was_shown
from shopsight.events import TIMESTAMP

SHOWN_LISTS: Final = pa.schema(
    [
        pa.field("recommendation_id", pa.string(), nullable=False),
        pa.field("answered_at", TIMESTAMP, nullable=False),
        pa.field("user_id", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("placement", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("baseline", pa.string()),
        pa.field("fallback", pa.string()),
        pa.field("is_filtered", pa.bool_(), nullable=False),
        pa.field("experiment", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("propensity", pa.float64()),
    ]
)
"""``user_id`` is the pseudonym that the answer was given under, before stitching; position 1 is at the top.

A row of before there were experiments has no ``experiment`` and no ``arm``; one of a list that tried nothing has no
``propensity``."""

CHUNK: Final = 50_000
"""Rows of the table that are in memory at once."""
NO_ANSWER: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What :func:`shown_items` raises of a row that is no answer."""
NAMED: Final = 20
"""Lines that are named; of more, only the number is told."""


@dataclass(kw_only=True)
class LogReading:
    """What a log holds, counted while it is read."""

    answers: int = 0
    """Intact rows that are lists with at least one item."""
    empty: int = 0
    """Intact rows of lists without an item: nothing was shown."""
    unseen: int = 0
    """Intact rows of lists that nobody was given: of a version that was only tried."""
    damaged: int = 0
    """Lines whose checksum does not match."""
    unreadable: int = 0
    """Intact rows that lack what an answer of the recommender has."""
    lines: list[str] = field(default_factory=list)
    """``file:line`` of the first damaged and unreadable lines."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why rows were unreadable."""

    @property
    def lost(self) -> int:
        """Lines of which nothing is in the table, though something was shown."""
        return self.damaged + self.unreadable


def write_shown_lists(folder: Path, target: Path) -> LogReading:
    """Write every intact row of a log as Parquet, chunk by chunk; what cannot be read is counted, and named.

    Args:
        folder: the recommender's part of the prediction log; it need not exist.
        target: the Parquet file.
    """
    reading = LogReading()
    with pq.ParquetWriter(target, SHOWN_LISTS, compression="zstd") as writer:
        for rows in _chunks(_shown_items(folder, reading)):
            writer.write_table(pa.Table.from_pylist(rows, schema=SHOWN_LISTS))
    return reading


def _shown_items(folder: Path, reading: LogReading) -> Iterator[dict[str, Any]]:
    for path, number, row in iterate_log(folder):
        place = f"{path}:{number}"
        if row is None:
            reading.damaged += 1
            _name(reading, place)
            continue
        if not was_shown(row):
            reading.unseen += 1
            continue
        try:
            rows = shown_items(row)
        except NO_ANSWER as error:
            reading.unreadable += 1
            reading.reasons[f"{type(error).__name__}: {error}"] += 1
            _name(reading, place)
            continue
        reading.answers += bool(rows)
        reading.empty += not rows
        yield from rows


def shown_items(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row of the log as rows of the table.

    Raises:
        KeyError, TypeError, ValueError, IndexError, AttributeError: the row is no answer of the recommender.
    """
    answered_at = datetime.fromisoformat(row["answered_at"])
    if answered_at.tzinfo is None:
        raise ValueError(f"answered_at {row['answered_at']!r} has no time zone")
    items = [result[0] for result in row["results"]]
    propensities = row.get("propensities") or [None] * len(items)
    answer = {
        "recommendation_id": _text(row["recommendation_id"]),
        "answered_at": answered_at,
        "user_id": _text_or_none(row.get("user")),
        "session_id": _text_or_none(row.get("session_id")),
        "placement": _text(row["placement"]),
        "model_version": _text(row["model"]["version"]),
        "baseline": _text_or_none(row["model"].get("baseline")),
        "fallback": _text_or_none(row.get("fallback")),
        "is_filtered": bool((row.get("request") or {}).get("filter")),
        "experiment": _text_or_none(row.get("experiment")),
        "arm": _text_or_none(row.get("arm")),
    }
    return [
        {**answer, "position": position, "item_id": _text(item), "propensity": _chance(propensity)}
        for position, (item, propensity) in enumerate(zip(items, propensities, strict=True), start=1)
    ]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no text")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _chance(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError(f"{value!r} is no chance")
    return float(value)


def _name(reading: LogReading, place: str) -> None:
    if len(reading.lines) < NAMED:
        reading.lines.append(place)


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
