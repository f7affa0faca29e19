"""Folds in order of time: training, validation, calibration, test; whole sessions, closed before the next one opens."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import SessionRows


@dataclass(frozen=True, kw_only=True)
class Folds:
    """Four folds, oldest sessions first."""

    train: SessionRows
    validation: SessionRows
    calibration: SessionRows
    test: SessionRows

    def named(self) -> dict[str, SessionRows]:
        """Return the folds by name, oldest first."""
        return {
            "train": self.train,
            "validation": self.validation,
            "calibration": self.calibration,
            "test": self.test,
        }


def split_by_time(rows: SessionRows, config: PurchaseIntentConfig) -> Folds:
    """Split by session start; a session whose last row lies within the gap of the next fold's start is left out.

    Raises:
        ValueError: there are no rows.
    """
    if len(rows) == 0:
        raise ValueError("there are no sessions to split")
    starts = np.full(rows.sessions.max() + 1, np.datetime64("NaT"), dtype="datetime64[us]")
    starts[rows.sessions] = rows.started_at
    last_times = np.full(len(starts), np.datetime64("1900-01-01"), dtype="datetime64[us]")
    np.maximum.at(last_times, rows.sessions, rows.times)
    shares = (config.validation_share, config.calibration_share, config.test_share)
    edges = np.cumsum([1.0 - sum(shares), *shares])
    places = [0, *np.round(edges * len(starts)).astype(int).tolist()]
    gap = np.timedelta64(config.gap_minutes, "m")
    folds: list[SessionRows] = []
    for begin, end in pairwise(places):
        chosen = np.zeros(len(starts), dtype=np.bool_)
        chosen[begin:end] = True
        if end < len(starts):
            chosen &= last_times + gap < starts[end]
        folds.append(rows.take(chosen[rows.sessions]))
    train, validation, calibration, test = folds
    return Folds(train=train, validation=validation, calibration=calibration, test=test)


def why_too_small(folds: Folds, config: PurchaseIntentConfig) -> str | None:
    """Return why the folds are too small to train and judge on, or ``None`` where they are not."""
    for name, fold in folds.named().items():
        sessions, buying = fold.session_count, fold.buying_session_count
        if sessions < config.min_sessions:
            return f"the {name} fold has {sessions} sessions of the {config.min_sessions} it needs"
        if min(buying, sessions - buying) < config.min_purchases:
            return (
                f"of {sessions} sessions in the {name} fold {buying} end in a purchase; "
                f"{config.min_purchases} must, and {config.min_purchases} must not"
            )
    return None


def shuffle_by_session(rows: SessionRows, *, seed: int) -> NDArray[np.bool_]:
    """Return labels with whole sessions' outcomes shuffled: a session keeps one outcome, but another's."""
    numbers, inverse = np.unique(rows.sessions, return_inverse=True)
    outcomes = np.zeros(len(numbers), dtype=np.bool_)
    np.logical_or.at(outcomes, inverse, rows.purchased)
    return np.random.default_rng(seed).permutation(outcomes)[inverse]
