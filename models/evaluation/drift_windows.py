"""The two windows that a drift judgement compares, and the columns that can be compared in them."""

from datetime import timedelta
from typing import Final

import pandas as pd

from models.evaluation.drift_checks import DriftColumns

CURRENT_DAYS: Final = 14
"""Length of the window that is judged: two weeks hold two of each weekday."""

MAX_REFERENCE_ROWS: Final = 20_000
"""Rows kept beside a version as its reference; the judgement itself samples fewer."""


def watched_rows(training_set: pd.DataFrame, columns: DriftColumns) -> pd.DataFrame:
    """Return the watched columns of a training set and their ``event_timestamp``.

    Units become numbers: the rows are kept beside the model, and no pseudonym has to travel with it.
    """
    frame = training_set[["event_timestamp", *columns.numerical, *columns.categorical]].copy()
    if columns.unit is not None:
        frame[columns.unit] = pd.factorize(training_set[columns.unit])[0]
    return frame


def split_windows(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows before the newest :data:`CURRENT_DAYS` days, and those days."""
    if frame.empty:
        return frame, frame
    cutoff = frame["event_timestamp"].max() - timedelta(days=CURRENT_DAYS)
    is_current = frame["event_timestamp"] > cutoff
    return frame[~is_current], frame[is_current]


def comparable_columns(columns: DriftColumns, reference: pd.DataFrame, current: pd.DataFrame) -> DriftColumns:
    """Return the columns that the reference kept, without those that neither window has a value of.

    A source without prices has none before and none now: that is no drift, and nothing to judge. A column that has
    values in one window only is kept: that is the worst drift there is. A reference that an earlier release wrote may
    lack a column that is watched since: it cannot be compared, and the next champion's reference has it.

    Raises:
        ValueError: neither window has a value of any column.
    """

    def is_comparable(name: str) -> bool:
        return name in reference and bool(reference[name].notna().any() or current[name].notna().any())

    return DriftColumns(
        numerical=tuple(name for name in columns.numerical if is_comparable(name)),
        categorical=tuple(name for name in columns.categorical if is_comparable(name)),
        unit=columns.unit,
    )
