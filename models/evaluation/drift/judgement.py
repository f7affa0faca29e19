"""Has the shop changed since the model learnt it? A judgement with three answers, of which only "stable" is quiet."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from models.evaluation.drift.findings import ColumnFinding, DriftColumns, DriftConfig, Status
from models.evaluation.drift.tables import compare_columns, judge, overall
from models.evaluation.drift.values import Reading
from models.evaluation.drift.windows import one_row_of_each
from shopsight.whole_files import write_json


@dataclass(frozen=True, kw_only=True)
class DriftJudgement:
    """What was found about two windows; ``drifted`` wins over ``not evaluable`` wins over ``stable``."""

    status: Status
    reason: str
    """For a person, in one line."""
    columns: tuple[ColumnFinding, ...]
    """One finding for each column, in the order they were named; empty where a window has too few rows."""
    drifted_share: float
    """Share of the columns that drifted."""
    reference_rows: int
    """Rows compared, one for each unit."""
    current_rows: int
    champion: str | None = None
    """Version of the champion whose rows are the reference; ``None``: the older part of the training set is."""

    @property
    def alerts(self) -> bool:
        """Whether someone should look: what could not be judged is no reassurance."""
        return self.status != "stable"

    def write(self, path: Path) -> None:
        """Write the judgement as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "DriftJudgement":
        """Read what :meth:`write` wrote."""
        raw: dict[str, Any] = json.loads(path.read_text())
        return cls(**raw | {"columns": tuple(ColumnFinding(**finding) for finding in raw["columns"])})


def judge_drift(
    reference: pd.DataFrame, current: pd.DataFrame, *, columns: DriftColumns, config: DriftConfig, seed: int
) -> DriftJudgement:
    """Compare the current window with the one that the model knows, as ``shopsight drift`` compares two files.

    Args:
        reference: rows of the window the model was trained on.
        current: rows of the window that is judged.
        columns: what to compare; columns that grow with the calendar (an age, a running total) always drift.
        config: what matters, and how few rows are too few.
        seed: seed of the samples.

    Raises:
        KeyError: a window that has rows lacks the unit column.
    """
    before, after = (rows_compared(one, columns=columns, config=config, seed=seed) for one in (reference, current))
    counts: dict[str, Any] = {"reference_rows": len(before), "current_rows": len(after)}
    for window, frame in (("reference", before), ("current", after)):
        if len(frame) < config.min_rows:
            reason = f"{len(frame)} rows in the {window} window, of {config.min_rows} needed"
            return DriftJudgement(status="not evaluable", reason=reason, columns=(), drifted_share=0.0, **counts)
    readings = {name: Reading(kind=kind) for name, kind in columns.kinds.items()}
    tables = [_as_table(frame, columns.names) for frame in (before, after)]
    measured = compare_columns(tables[0], tables[1], columns.names, readings, config=config, seed=seed)
    findings = tuple(judge(measured, config))
    share = sum(finding.status == "drifted" for finding in findings) / len(findings)
    status = overall(findings)
    return DriftJudgement(
        status=status, reason=_summary(findings, status), columns=findings, drifted_share=share, **counts
    )


def rows_compared(frame: pd.DataFrame, *, columns: DriftColumns, config: DriftConfig, seed: int) -> pd.DataFrame:
    """Return at most ``max_rows`` rows in random order, one for each unit."""
    return one_row_of_each(frame, columns, seed=seed).head(config.max_rows).reset_index(drop=True)


def _as_table(frame: pd.DataFrame, names: Sequence[str]) -> pa.Table:
    return pa.table({name: _as_column(frame[name]) for name in names if name in frame.columns})


def _as_column(values: pd.Series) -> pa.Array:
    try:
        return pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # values of several types, as text
        return pa.array([None if pd.isna(value) else str(value) for value in values], pa.string())


def _summary(findings: Sequence[ColumnFinding], status: Status) -> str:
    if status == "stable":
        return f"all {len(findings)} columns stable"
    names = [finding.column for finding in findings if finding.status == status and finding.alerts]
    return f"{len(names)} of {len(findings)} columns {status}: {', '.join(names)}"
