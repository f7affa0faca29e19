"""Who was shown what by which arm: the rows of the prediction log that take part in an experiment."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from serving.prediction_log import read_log, was_shown
from serving.recommender.experiments.book import CONTROL, EVERYONE_ELSE, HOLD_OUT, Experiment

SCHEMA = pa.schema(
    [
        ("recommendation_id", pa.string()),
        ("answered_at", pa.string()),
        ("arm", pa.string()),
        ("version", pa.string()),
        ("as_user", pa.string()),
        ("as_visitor", pa.string()),
    ]
)
"""A row is a list; ``as_user`` and ``as_visitor`` are the pseudonyms of the shopper's id as the one and the other."""


def exposures(days: Iterable[Iterable[Mapping[str, Any]]], experiment: Experiment) -> pa.Table:
    """Return the lists that took part.

    Args:
        days: rows of the recommender's log, day by day.
        experiment: from :meth:`serving.recommender.experiments.book.ExperimentBook.named`.
    """
    batches = [pa.RecordBatch.from_pylist(list(_of(rows, experiment)), schema=SCHEMA) for rows in days]
    return pa.Table.from_batches(batches, schema=SCHEMA)


def days_of_log(folder: Path, first: date, last: date) -> Iterator[list[dict[str, Any]]]:
    """Yield the intact rows of each day that has any; a day of the log is read when it is asked for.

    Args:
        folder: of the family.
        first: the first day (UTC).
        last: the last one.
    """
    day = first
    while day <= last:
        if (folder / str(day)).exists():
            yield read_log(folder / str(day)).rows
        day += timedelta(days=1)


def _of(rows: Iterable[Mapping[str, Any]], experiment: Experiment) -> Iterator[dict[str, Any]]:
    for row in rows:
        arm = _arm(row, experiment.name)
        if arm is None:
            continue
        as_user, as_visitor = row["pseudonyms"]
        yield {
            "recommendation_id": row["recommendation_id"],
            "answered_at": row["answered_at"],
            "arm": arm,
            "version": row.get("experiment_version") if experiment.name != HOLD_OUT else None,
            "as_user": as_user,
            "as_visitor": as_visitor,
        }


def _arm(row: Mapping[str, Any], experiment: str) -> str | None:
    """Return the arm of a row; rows of before there were experiments have none, nor have those that nobody saw."""
    if not row.get("pseudonyms") or not was_shown(row):
        return None
    if experiment == HOLD_OUT:
        return {True: CONTROL, False: EVERYONE_ELSE}.get(row["hold_out"])
    return row["arm"] if row["experiment"] == experiment else None
