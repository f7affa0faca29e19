"""Two windows side by side: every column, the rows themselves, and one verdict with its culprits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from models.evaluation.drift.calendar import matched
from models.evaluation.drift.columns import Measured, Unfit, measure_column
from models.evaluation.drift.findings import ColumnFinding, DriftConfig, Kind, Measurement, Status
from models.evaluation.drift.kinds import recognise
from models.evaluation.drift.measuring import compare_shares
from models.evaluation.drift.money import money_column, share_of_money
from models.evaluation.drift.periods import ShopCalendar
from models.evaluation.drift.rows import repeated
from models.evaluation.drift.times import TIMES_MORE, volume
from models.evaluation.drift.values import Reading, plain, seconds_of

ROWS: Final = "(rows)"
"""Name of the finding about the rows themselves."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was found about two windows; ``drifted`` wins over ``not evaluable`` wins over ``stable``."""

    status: Status
    columns: tuple[ColumnFinding, ...]
    rows: ColumnFinding
    """About the rows themselves: how many there are, and how many repeat others."""
    reference_rows: int
    current_rows: int
    money: str | None = None
    """The column of money, where there is one."""
    touched: Mapping[str, float] = field(default_factory=dict)
    """Share of the judged window's money in the rows that a culprit touches, by culprit."""
    notes: tuple[str, ...] = ()
    """What a person should know of how they were compared."""

    @property
    def culprits(self) -> tuple[ColumnFinding, ...]:
        """What someone should look at, the furthest moved first."""
        return tuple(one for one in (self.rows, *self.columns) if one.alerts)


def compare_tables(
    reference: pa.Table,
    current: pa.Table,
    *,
    config: DriftConfig,
    seed: int = 1,
    are_typed: bool = True,
    broken: tuple[int, int] = (0, 0),
    calendar: ShopCalendar | None = None,
    zone: str = "UTC",
) -> Comparison:
    """Compare two tables, of which nothing is known but what they hold.

    Args:
        reference: rows as they should be.
        current: rows that are judged.
        config: what matters.
        seed: of the samples.
        are_typed: whether both tables' types say something; those of CSV do not.
        broken: lines of both files that could not be read, and so are not among the rows.
        calendar: the shop's; rows are compared with those of a like time.
        zone: of the shop's days.
    """
    reference, current = _unique_names(reference), _unique_names(current)
    names = list(dict.fromkeys([*reference.column_names, *current.column_names]))
    if min(reference.num_rows, current.num_rows) < config.min_rows:
        return _too_few(reference, current, names, config)
    readings = _readings(reference, current)
    moments = _moments(reference, current, readings)
    counts = (reference.num_rows, current.num_rows)
    notes: list[str | None] = []
    if moments is not None and calendar is not None:
        like, note = calendar.like(*moments, min_rows=config.min_rows, zone=zone)
        notes.append(note)
        if like is not None:
            reference, moments = reference.take(pa.array(like)), (moments[0][like], moments[1])
    rows = _measure_rows(reference, current, moments, broken, config)
    if moments is not None:
        same_days, note = matched(*moments, min_rows=config.min_rows)
        notes.append(note)
        reference = reference if same_days is None else reference.take(pa.array(same_days))
    measured = compare_columns(reference, current, names, readings, config=config, seed=seed, are_typed=are_typed)
    findings = judge({ROWS: Measured(kind="key", measurements=rows), **measured}, config)
    money = money_column(current, readings)
    shares = {
        one.column: share_of_money(one.column, reference, current, readings, money=money)
        for one in findings[1:]
        if one.alerts and money is not None
    }
    return Comparison(
        status=overall(findings),
        columns=tuple(findings[1:]),
        rows=findings[0],
        reference_rows=counts[0],
        current_rows=counts[1],
        money=money,
        touched={name: share for name, share in shares.items() if share is not None},
        notes=tuple(note for note in notes if note is not None),
    )


def compare_columns(
    reference: pa.Table,
    current: pa.Table,
    names: Iterable[str],
    readings: Mapping[str, Reading],
    *,
    config: DriftConfig,
    seed: int,
    are_typed: bool = True,
) -> dict[str, Unfit | Measured]:
    """Measure columns one by one, whichever of them the windows have.

    Args:
        reference: rows as they should be.
        current: rows that are judged.
        names: the columns.
        readings: what they hold, where that is known.
        config: what matters.
        seed: of the samples.
        are_typed: whether both windows' types say something.
    """
    return {
        name: measure_column(
            name,
            _column(reference, name),
            _column(current, name),
            config=config,
            seed=seed,
            reading=readings.get(name),
            are_typed=are_typed,
        )
        for name in names
    }


def judge(measured: Mapping[str, Unfit | Measured], config: DriftConfig) -> list[ColumnFinding]:
    """Judge all columns together, so that many tests make no more false alarms than few.

    Args:
        measured: what was measured, by column.
        config: what matters.
    """
    from scipy.stats import false_discovery_control

    tests = [one.p_value for column in measured.values() if isinstance(column, Measured) for one in column.measurements]
    adjusted = iter(false_discovery_control(np.clip(tests, 0.0, 1.0)).tolist() if tests else [])
    findings = []
    for name, column in measured.items():
        if isinstance(column, Unfit):
            status: Status = "stable" if column.is_stable else "not evaluable"
            findings.append(
                ColumnFinding(
                    column=name,
                    status=status,
                    reason=column.reason,
                    method=column.method,
                    kind=column.kind,
                    alerts=column.alerts and not column.is_stable,
                )
            )
            continue
        judged = [(one, next(adjusted)) for one in column.measurements]
        findings.append(_finding(name, column.kind, judged, config))
    return findings


def _finding(name: str, kind: Kind, judged: Sequence[tuple[Measurement, float]], config: DriftConfig) -> ColumnFinding:
    if not judged:
        return ColumnFinding(column=name, status="stable", reason="nothing to compare", kind=kind)
    drifted = [(one, p) for one, p in judged if one.effect >= one.limit and p <= config.false_alarm_rate]
    ranked = sorted(drifted or judged, key=lambda pair: pair[0].effect / pair[0].limit, reverse=True)
    one, p_value = ranked[0]
    said = "; ".join(other.said for other, _ in ranked[:3]) if drifted else f"nearest to an alarm: {one.said}"
    return ColumnFinding(
        column=name,
        status="drifted" if drifted else "stable",
        reason=said,
        method=one.method,
        effect=one.effect if np.isfinite(one.effect) else None,
        p_value=float(p_value),
        kind=kind,
        alerts=bool(drifted),
    )


def overall(findings: Sequence[ColumnFinding]) -> Status:
    """Return the verdict on all; what could never be judged is no alarm."""
    statuses: tuple[Status, ...] = ("drifted", "not evaluable")
    alarms = {finding.status for finding in findings if finding.alerts}
    return next((status for status in statuses if status in alarms), "stable")


def _too_few(reference: pa.Table, current: pa.Table, names: Sequence[str], config: DriftConfig) -> Comparison:
    """Say of each column that there are too few rows, or that a window lacks it: that takes no rows to see."""
    few = "; ".join(
        f"{table.num_rows} rows in the {window} window, of {config.min_rows} needed"
        for window, table in (("reference", reference), ("current", current))
        if table.num_rows < config.min_rows
    )
    measured: dict[str, Unfit | Measured] = {ROWS: Unfit(reason=few, method="rows")}
    for name in names:
        lacks = next((w for w, t in (("reference", reference), ("current", current)) if name not in t.column_names), "")
        measured[name] = Unfit(
            reason=f"missing from the {lacks} window" if lacks else few,
            method="schema" if lacks else "rows",
            alerts=bool(lacks),
        )
    findings = judge(measured, config)
    return Comparison(
        status="not evaluable",
        columns=tuple(findings[1:]),
        rows=findings[0],
        reference_rows=reference.num_rows,
        current_rows=current.num_rows,
    )


def _measure_rows(
    reference: pa.Table,
    current: pa.Table,
    moments: tuple[np.ndarray, np.ndarray] | None,
    broken: tuple[int, int],
    config: DriftConfig,
) -> list[Measurement]:
    lines = reference.num_rows + broken[0], current.num_rows + broken[1]
    unread = compare_shares(
        "share of lines that could not be read",
        (broken[0], lines[0]),
        (broken[1], lines[1]),
        limit=config.share if broken[0] else config.novelty,
    )
    measured = [*repeated(reference, current, config), unread]
    if moments is not None:
        return [*measured, volume(*(values[np.isfinite(values)] for values in moments))]
    more = max(current.num_rows / reference.num_rows, reference.num_rows / current.num_rows)
    return [
        *measured,
        Measurement(
            method="rows",
            effect=more,
            limit=TIMES_MORE,
            p_value=0.0 if more >= TIMES_MORE else 1.0,
            said=f"{reference.num_rows:,} rows before, {current.num_rows:,} now",
        ),
    ]


def _readings(reference: pa.Table, current: pa.Table) -> dict[str, Reading]:
    """Return what each column holds that both windows have and the reference has values of."""
    columns = {name: plain(reference[name]) for name in reference.column_names if name in current.column_names}
    return {name: recognise(name, values) for name, values in columns.items() if values.null_count < len(values)}


def _moments(
    reference: pa.Table, current: pa.Table, readings: Mapping[str, Reading]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the moments of the rows, of the column of times that is there most often in both windows."""
    best, covered = None, 0.5
    for name, reading in readings.items():
        if reading.kind != "time":
            continue
        before, after = plain(reference[name]), plain(current[name])
        read = seconds_of(before, reading), seconds_of(after, reading)
        share = min(float(np.mean(np.isfinite(one))) for one in read)
        if share > covered:
            best, covered = read, share
    return best


def _column(table: pa.Table, name: str) -> pa.ChunkedArray | None:
    return table[name] if name in table.column_names else None


def _unique_names(table: pa.Table) -> pa.Table:
    """Return a table no two columns of which have one name."""
    seen: dict[str, int] = {}
    names = []
    for name in table.column_names:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return table.rename_columns(names)
