"""A page about a judgement: every finding in words, and Evidently's pictures of the columns that can be drawn.

Evidently is imported where it is used: it takes seconds, and a verdict needs none of it.
"""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.evaluation.drift.findings import DriftColumns, DriftConfig
from models.evaluation.drift.judgement import DriftJudgement, rows_compared
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from evidently.core.report import Snapshot


def write_report(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    judgement: DriftJudgement,
    *,
    columns: DriftColumns,
    config: DriftConfig,
    seed: int,
    path: Path,
) -> None:
    """Write a page with every finding of a judgement and Evidently's pictures of the columns that were measured.

    The page is one file that asks nothing of any network.

    Raises:
        ValueError: Evidently's page has no body to write the findings into.
    """
    page = "<!DOCTYPE html><html><head><meta charset='utf-8'></head><body></body></html>"
    if judgement.columns:
        before, after = (rows_compared(one, columns=columns, config=config, seed=seed) for one in (reference, current))
        unfit = {finding.column for finding in judgement.columns if finding.status == "not evaluable"}
        drawn = [name for name in columns.names if name not in unfit and _can_be_drawn(before[name], after[name])]
        if drawn:
            page = _pictures(before, after, drawn, columns=columns, config=config).get_html_str(as_iframe=False)
    head, body, rest = page.partition("<body>")
    if not body:
        raise ValueError("Evidently's page has no <body>; its format changed")
    with replaced(path) as staging:
        staging.write_text(head + body + _findings_table(judgement) + rest)


def _can_be_drawn(before: pd.Series, after: pd.Series) -> bool:
    """Return whether Evidently takes both windows: it raises on a constant, and drops infinities in silence."""
    if min(before.nunique(), after.nunique()) < 2:
        return False
    return not any(
        pd.api.types.is_numeric_dtype(values) and bool(np.isinf(values.to_numpy("float64", na_value=np.nan)).any())
        for values in (before, after)
    )


def _pictures(
    reference: pd.DataFrame, current: pd.DataFrame, names: Sequence[str], *, columns: DriftColumns, config: DriftConfig
) -> "Snapshot":
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    numerical = [name for name in names if name in columns.numerical]
    categorical = [name for name in names if name in columns.categorical]
    before, after = reference[numerical].astype("float64"), current[numerical].astype("float64")
    for name in categorical:
        before[name], after[name] = reference[name].astype("object"), current[name].astype("object")
    definition = DataDefinition(numerical_columns=numerical, categorical_columns=categorical)
    report = Report(
        [ValueDrift(column=name, method="wasserstein", threshold=config.wasserstein) for name in numerical]
        + [ValueDrift(column=name, method="psi", threshold=config.psi) for name in categorical]
    )
    # Evidently takes the current window first.
    return report.run(Dataset.from_pandas(after, definition), Dataset.from_pandas(before, definition))


def _findings_table(judgement: DriftJudgement) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(finding.column)}</td><td>{finding.status}</td><td>{html.escape(finding.reason)}</td></tr>"
        for finding in sorted(judgement.columns, key=lambda finding: finding.status == "stable")
    )
    return (
        "<section style='font-family: sans-serif; padding: 1em'>"
        f"<h1>Drift: {judgement.status}</h1><p>{html.escape(judgement.reason)}. "
        f"{judgement.reference_rows} reference rows, {judgement.current_rows} current rows.</p>"
        f"<table cellpadding='4'><tr><th>column</th><th>status</th><th>why</th></tr>{rows}</table></section>"
    )
