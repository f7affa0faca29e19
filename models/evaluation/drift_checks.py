"""What a drift measure must never be asked: checks of one column before any distance is computed on it.

Evidently reads an all-null or missing column as "no drift", drops infinities or raises on them, and raises on constant
columns. So each column is looked at here first, and either settled or found fit to be measured.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Status = Literal["stable", "drifted", "not evaluable"]


@dataclass(frozen=True, kw_only=True)
class DriftColumns:
    """The columns that are compared, by kind; every one must be in both windows."""

    numerical: tuple[str, ...] = ()
    """Columns of numbers."""
    categorical: tuple[str, ...] = ()
    """Columns of names."""
    identities: tuple[str, ...] = ()
    """Columns of names that are many and come and go, such as items: judged by how many are new, and by one that takes
    over, for how often each is seen always moves."""
    unit: str | None = None
    """Column that names the independent unit (session, user), of which one row is kept: the rows of one session
    repeat each other, and a test that takes them for independent cries drift at random."""

    def __post_init__(self) -> None:
        """Refuse an empty or ambiguous list."""
        names = (*self.numerical, *self.categorical, *self.identities)
        if not names:
            raise ValueError("there are no columns to compare")
        if len(set(names)) < len(names):
            raise ValueError("a column is named twice")


@dataclass(frozen=True, kw_only=True)
class DriftConfig:
    """How far is too far, and how few is too few.

    A column has drifted when it moved *further than matters* (an effect size) and *further than chance* (a test at a
    level shared among all columns): the first keeps large windows quiet, the second small ones.
    """

    min_rows: int = 200
    """Minimum number of rows (of different units) of a window that is judged."""
    min_values: int = 30
    """Minimum number of values that are not null of a column that is measured."""
    max_rows: int = 10_000
    """Rows of a window that are looked at; a larger one is sampled by the seed."""
    wasserstein: float = 0.1
    """Distance of numerical windows, in standard deviations of the reference, that matters (Evidently's own limit)."""
    psi: float = 0.1
    """Population stability index of categorical windows that matters; customarily 0.1 is moderate and 0.2 large."""
    share_change: float = 0.1
    """Change of the share of nulls, or of a constant's share, that matters."""
    false_alarm_rate: float = 0.01
    """Chance that two windows without drift raise any alarm, over all columns and tests together (Bonferroni)."""

    def __post_init__(self) -> None:
        """Refuse settings under which nothing, or everything, drifts."""
        if not 2 <= self.min_values <= self.min_rows <= self.max_rows:
            counts = (self.min_values, self.min_rows, self.max_rows)
            raise ValueError(f"2 <= min_values <= min_rows <= max_rows, got {counts}")
        for name in ("wasserstein", "psi", "share_change"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0 < self.false_alarm_rate < 1:
            raise ValueError(f"false_alarm_rate must lie in (0, 1), got {self.false_alarm_rate}")


@dataclass(frozen=True, kw_only=True)
class ColumnFinding:
    """What was found about one column."""

    column: str
    status: Status
    reason: str
    """For a person: ``Wasserstein distance 0.83 of 0.20``."""
    measure: str | None = None
    """``share``, ``wasserstein`` or ``psi`` where a distance was measured."""
    distance: float | None = None
    p_value: float | None = None


def check_column(
    name: str, reference: pd.DataFrame, current: pd.DataFrame, *, numerical: bool, level: float, config: DriftConfig
) -> ColumnFinding | None:
    """Settle a column without measuring a distance, or return ``None`` where it is fit to be measured.

    Args:
        name: the column.
        reference: the window that the model knows.
        current: the window that is judged.
        numerical: whether the column should hold numbers, or else names.
        level: p-value below which a change of a share is no chance.
        config: what matters.
    """
    for window, frame in (("reference", reference), ("current", current)):
        if name not in frame.columns:
            return _not_evaluable(name, f"missing from the {window} window")
    windows = {"reference": reference[name], "current": current[name]}
    empty = [window for window, values in windows.items() if values.isna().all()]
    if len(empty) == 2:
        return ColumnFinding(column=name, status="stable", reason="empty in both windows")
    if empty:
        return _not_evaluable(name, f"all null in the {empty[0]} window only")
    for window, values in windows.items():
        if _holds_numbers(values) != numerical:
            wanted = "numbers" if numerical else "names"
            return _not_evaluable(name, f"type change: the {window} window holds {values.dtype}, not {wanted}")
        if numerical:
            infinite = int(np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan)).sum())
            if infinite:
                return _not_evaluable(name, f"{infinite} infinite values in the {window} window")
    before, after = windows.values()
    nulls = _share_moved(name, "null share", before.isna(), after.isna(), level=level, config=config)
    return (
        nulls
        or _check_constant(name, before.dropna(), after.dropna(), level=level, config=config)
        or _check_enough(name, before, after, config=config)
    )


def _check_constant(
    name: str, before: pd.Series, after: pd.Series, *, level: float, config: DriftConfig
) -> ColumnFinding | None:
    """Settle a column of which one window holds a single value: no distance can be scaled on it."""
    for window, values in (("reference", before), ("current", after)):
        constant = values.iloc[0]
        if (values == constant).all():
            label = f"share of {constant}, all there is in the {window} window,"
            moved = _share_moved(name, label, before == constant, after == constant, level=level, config=config)
            alike = ColumnFinding(column=name, status="stable", reason=f"nearly always {constant} in both windows")
            return moved or alike
    return None


def check_new_values(
    before: pd.Series, after: pd.Series, *, common: Collection[str] = (), level: float, config: DriftConfig
) -> ColumnFinding | None:
    """Return a finding where more values than before are new.

    What is new is told by half of the reference; the other half tells how many values are new where nothing changed.

    Args:
        before: the reference window, in random order.
        after: the window that is judged.
        common: values that are never new.
        level: p-value below which a change of a share is no chance.
        config: what matters.
    """
    before, after = before.dropna(), after.dropna()
    half = len(before) // 2
    seen = {*before.iloc[:half], *common}
    was, now = ~before.iloc[half:].isin(seen), ~after.isin(seen)
    if now.mean() <= was.mean():
        return None
    return _share_moved(str(before.name), "share of values not seen before", was, now, level=level, config=config)


def check_one_takes_over(
    before: pd.Series, after: pd.Series, *, level: float, config: DriftConfig
) -> ColumnFinding | None:
    """Return a finding where the most frequent value of the judged window was much less frequent; args as above."""
    most = after.mode().iloc[0]
    was, now = before.dropna() == most, after.dropna() == most
    return _share_moved(str(before.name), f"share of {most}", was, now, level=level, config=config)


def _check_enough(name: str, before: pd.Series, after: pd.Series, *, config: DriftConfig) -> ColumnFinding | None:
    for window, values in (("reference", before), ("current", after)):
        count = int(values.notna().sum())
        if count < config.min_values:
            return _not_evaluable(name, f"{count} values in the {window} window, of {config.min_values} needed")
    return None


def _share_moved(
    name: str, label: str, before: pd.Series, after: pd.Series, *, level: float, config: DriftConfig
) -> ColumnFinding | None:
    """Return a finding where a share moved further than matters and than chance (two-proportion z-test)."""
    was, now = float(before.mean()), float(after.mean())
    pooled = (float(before.sum()) + float(after.sum())) / (len(before) + len(after))
    spread = math.sqrt(pooled * (1 - pooled) * (1 / len(before) + 1 / len(after)))
    p_value = math.erfc(abs(now - was) / spread / math.sqrt(2)) if spread > 0 else 1.0
    if abs(now - was) <= config.share_change or p_value > level:
        return None
    return ColumnFinding(
        column=name,
        status="drifted",
        reason=f"{label} went from {was:.2f} to {now:.2f}",
        measure="share",
        distance=abs(now - was),
        p_value=p_value,
    )


def _not_evaluable(name: str, reason: str) -> ColumnFinding:
    return ColumnFinding(column=name, status="not evaluable", reason=reason)


def _holds_numbers(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
