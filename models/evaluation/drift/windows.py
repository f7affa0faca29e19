"""The two windows that a drift judgement compares, and the columns that can be compared in them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from models.evaluation.drift.findings import DriftColumns
from models.evaluation.drift.periods import ShopCalendar

CURRENT_DAYS: Final = 14
"""Length of the window that is judged: two weeks hold two of each weekday."""

MAX_REFERENCE_ROWS: Final = 20_000
"""Rows kept beside a version as its reference; the judgement itself samples fewer."""


def watched_rows(training_set: pd.DataFrame, columns: DriftColumns) -> pd.DataFrame:
    """Return the watched columns of a training set and their ``event_timestamp``.

    Units become numbers: the rows are kept beside the model, and no pseudonym has to travel with it.
    """
    frame = training_set[["event_timestamp", *columns.numerical, *columns.categorical, *columns.identities]].copy()
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


def newest_window(frame: pd.DataFrame, *, min_rows: int) -> pd.DataFrame:
    """Return the newest :data:`CURRENT_DAYS` days of the rows that a model was trained on, all where they are too few.

    Two weeks are compared with two weeks: beside a whole year, those of every season have drifted, also where nothing
    has come since.
    """
    newest = split_windows(frame)[1]
    return newest if len(newest) >= min_rows else frame


def like_period(
    frame: pd.DataFrame, current: pd.DataFrame, calendar: ShopCalendar, *, min_rows: int, zone: str
) -> tuple[pd.DataFrame | None, str | None]:
    """Return the rows of a like time where the current rows are mostly of a period of the shop's, and a sentence.

    Returns:
        None and None for a current window that is of no period; None and the reason where there are too few like rows.
    """
    before, after = (one["event_timestamp"].to_numpy("datetime64[us]").astype(float) / 1e6 for one in (frame, current))
    if not calendar.name_of(after, zone):
        return None, None
    rows, note = calendar.like(before, after, min_rows=min_rows, zone=zone)
    return (None if rows is None else frame.iloc[rows]), note


def one_row_of_each(frame: pd.DataFrame, columns: DriftColumns, *, seed: int) -> pd.DataFrame:
    """Return one row of each unit, drawn by the seed, in random order; all rows where columns name no unit.

    Raises:
        KeyError: a frame that has rows lacks the unit column.
    """
    shuffled = frame.sample(frac=1.0, random_state=seed)
    if columns.unit is None or shuffled.empty:
        return shuffled
    # Long units come early in a random order of rows: without another order, the first units would be the long ones.
    return shuffled.drop_duplicates(columns.unit).sample(frac=1.0, random_state=seed)


def columns_read(columns: DriftColumns, champion: Path) -> DriftColumns:
    """Return those of the columns that a champion reads: what it does not read is no reason to train it again.

    Args:
        columns: what its family watches.
        champion: the folder of its artefact; ``config.json`` names the features where the family chooses among them.
    """
    config = champion / "config.json"
    features = json.loads(config.read_text()).get("feature_names") if config.exists() else None
    if features is None:
        return columns
    return DriftColumns(
        numerical=tuple(name for name in columns.numerical if name in features),
        categorical=tuple(name for name in columns.categorical if name in features),
        identities=tuple(name for name in columns.identities if name in features),
        unit=columns.unit,
    )


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
        identities=tuple(name for name in columns.identities if is_comparable(name)),
        unit=columns.unit,
    )
