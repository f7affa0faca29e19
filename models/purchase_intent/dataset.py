"""From a training table to arrays: one row per event of a session, and folds of whole sessions in order of time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.columns import encode
from models.evaluation.fairness import Groups, groups_of
from models.purchase_intent.encoding import CATEGORICAL, FEATURES
from models.tabular.errors import BadTrainingTableError

SEGMENTS = ("device", "country")
"""Columns that say where a session came from, if the table has them; no feature is made of them."""
KEYS = ("session_id", "user_id", "event_timestamp", "session_started_at", "position", "purchased")


@dataclass(frozen=True, kw_only=True)
class SessionRows:
    """Rows of sessions as aligned arrays of length ``rows``; a session's rows sit in one fold."""

    columns: Mapping[str, NDArray[np.float64] | NDArray[np.object_]]
    """A feature's values: floats with ``nan`` for missing, or texts with ``None``."""
    purchased: NDArray[np.bool_]
    """The label: a purchase later in the same session."""
    sessions: NDArray[np.intp]
    """Session number of each row, in order of start."""
    users: NDArray[np.intp]
    """User number of each row."""
    positions: NDArray[np.int64]
    """Events of the session so far, 1 for the first."""
    times: NDArray[np.datetime64]
    """Time of the event that the row predicts from, UTC microseconds."""
    started_at: NDArray[np.datetime64]
    """Start of the session, UTC microseconds."""
    groups: Groups = field(default_factory=dict)
    """Age band and gender of the user, where the table has them and they are known; no feature is made of them."""
    segments: Groups = field(default_factory=dict)
    """Device and country of the session, likewise."""

    def __len__(self) -> int:
        return len(self.purchased)

    @property
    def session_count(self) -> int:
        """Number of distinct sessions."""
        return len(np.unique(self.sessions))

    @property
    def buying_session_count(self) -> int:
        """Number of distinct sessions that end in a purchase."""
        return len(np.unique(self.sessions[self.purchased]))

    @property
    def weights(self) -> NDArray[np.float64]:
        """One over the session's rows: every session counts the same, however long it ran.

        A weighted figure is then the expectation over a random moment of a random session, without drawing one.
        """
        return 1.0 / np.bincount(self.sessions)[self.sessions] if len(self) else np.empty(0)

    def with_columns(self, columns: Mapping[str, NDArray[np.float64] | NDArray[np.object_]]) -> "SessionRows":
        """Return the same rows with other features."""
        return replace(self, columns=columns)

    def take(self, rows: NDArray[np.bool_]) -> "SessionRows":
        """Return the rows where ``rows`` is true."""
        return SessionRows(
            columns={name: values[rows] for name, values in self.columns.items()},
            purchased=self.purchased[rows],
            sessions=self.sessions[rows],
            users=self.users[rows],
            positions=self.positions[rows],
            times=self.times[rows],
            started_at=self.started_at[rows],
            groups={name: values[rows] for name, values in self.groups.items()},
            segments={name: values[rows] for name, values in self.segments.items()},
        )

    def joined(self, later: "SessionRows") -> "SessionRows":
        """Return these rows followed by those of another fold."""
        return SessionRows(
            columns={name: np.concatenate([values, later.columns[name]]) for name, values in self.columns.items()},
            purchased=np.concatenate([self.purchased, later.purchased]),
            sessions=np.concatenate([self.sessions, later.sessions]),
            users=np.concatenate([self.users, later.users]),
            positions=np.concatenate([self.positions, later.positions]),
            times=np.concatenate([self.times, later.times]),
            started_at=np.concatenate([self.started_at, later.started_at]),
            groups={name: np.concatenate([values, later.groups[name]]) for name, values in self.groups.items()},
            segments={name: np.concatenate([values, later.segments[name]]) for name, values in self.segments.items()},
        )


def session_rows(table: pa.Table) -> SessionRows:
    """Read a training table: the keys, the label ``purchased``, and every feature of the feature service.

    Raises:
        BadTrainingTableError: a column is missing, or a key is null.
    """
    missing = [name for name in (*KEYS, *FEATURES) if name not in table.column_names]
    if missing:
        raise BadTrainingTableError(
            f"the purchase intent training table lacks {', '.join(missing)}",
            why="the model trains on the keys, the label, and all features of its feature service",
            fix="build the table from session_labels through the feature service purchase_intent_v1",
        )
    for name in KEYS:
        if table[name].null_count:
            raise BadTrainingTableError(
                f"{table[name].null_count} rows of the purchase intent training table have no {name}",
                why="a row without its session, time or label cannot be placed in a fold",
                fix="look at session_labels in the warehouse; its contract forbids nulls",
            )
    started = _times(table["session_started_at"])
    by_name = encode(table["session_id"]).places
    first = np.unique(by_name, return_index=True)[1]
    by_start = np.argsort(started[first], kind="stable")  # of those that start at once, by name
    place = np.empty(len(by_start), dtype=np.intp)
    place[by_start] = np.arange(len(by_start))
    sessions = place[by_name]
    purchased = np.asarray(table["purchased"].to_numpy(), dtype=np.bool_)
    return SessionRows(
        columns={name: _column(table[name], categorical=name in CATEGORICAL) for name in FEATURES},
        purchased=purchased,
        sessions=sessions,
        users=encode(table["user_id"]).places,
        positions=np.asarray(table["position"].to_numpy(), dtype=np.int64),
        times=_times(table["event_timestamp"]),
        started_at=started,
        groups=groups_of(table),
        segments={name: encode(table[name]).texts() for name in SEGMENTS if name in table.column_names},
    )


def _times(values: pa.ChunkedArray) -> NDArray[np.datetime64]:
    return np.asarray(values.cast(pa.timestamp("us", tz="UTC")).to_numpy(), dtype="datetime64[us]")


def _column(values: pa.ChunkedArray, *, categorical: bool) -> NDArray[np.float64] | NDArray[np.object_]:
    if categorical:
        return encode(values).texts()
    return np.asarray(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
