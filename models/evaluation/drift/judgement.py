"""Has the shop changed since the model learnt it? A judgement with three answers, of which only "stable" is quiet.

Evidently measures how far each column moved and draws the report; whether it moved further than chance is tested beside
it, for a p-value alone calls every large window drifted and a distance alone every small one. Evidently, pandas' heavy
tail and scipy are imported where they are used: nobody who imports this module to read a judgement pays for them.
"""

import html
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from models.evaluation.drift.findings import (
    ColumnFinding,
    DriftColumns,
    DriftConfig,
    Status,
    check_column,
    check_new_values,
    check_one_takes_over,
)
from models.evaluation.drift.windows import one_row_of_each
from shopsight.whole_files import replaced, write_json

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

__all__ = ["ColumnFinding", "DriftColumns", "DriftConfig", "DriftJudgement", "judge_drift", "write_report"]

RARE = "(rare)"
"""Name under which categories of less than 1% of all rows are counted together: their indices are mostly noise."""


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
    """Compare the current window with the one that the model knows.

    Args:
        reference: rows of the window the model was trained on.
        current: rows of the window that is judged.
        columns: what to compare; columns that grow with the calendar (an age, a running total) always drift.
        config: what matters, and how few rows are too few.
        seed: seed of the samples.

    Raises:
        KeyError: a window that has rows lacks the unit column.
    """
    reference, current = (_sample(frame, columns=columns, config=config, seed=seed) for frame in (reference, current))
    counts: dict[str, Any] = {"reference_rows": len(reference), "current_rows": len(current)}
    for window, frame in (("reference", reference), ("current", current)):
        if len(frame) < config.min_rows:
            reason = f"{len(frame)} rows in the {window} window, of {config.min_rows} needed"
            return DriftJudgement(status="not evaluable", reason=reason, columns=(), drifted_share=0.0, **counts)

    names = (*columns.numerical, *columns.categorical, *columns.identities)
    level = config.false_alarm_rate / (3 * len(names))  # at most three tests a column: of two shares and of a distance
    settled = {
        name: check_column(name, reference, current, numerical=name in columns.numerical, level=level, config=config)
        for name in names
    }
    for name in (name for name in columns.categorical if settled[name] is None):
        # A distance pools rare values: where all of them are others than before, it is 0.
        windows, common = (reference[name], current[name]), _frequent(reference[name], current[name])
        settled[name] = check_new_values(*windows, common=common, level=level, config=config)
    for name in (name for name in columns.identities if settled[name] is None):
        windows = (reference[name], current[name])
        settled[name] = (
            check_one_takes_over(*windows, level=level, config=config)
            or check_new_values(*windows, level=level, config=config)
            or ColumnFinding(column=name, status="stable", reason="none takes over, and no more than before are new")
        )
    fit = [name for name, finding in settled.items() if finding is None]
    distances = _distances(_measure(reference, current, fit, columns=columns, config=config)) if fit else {}
    findings = tuple(
        settled[name]
        or _judge_distance(
            reference[name],
            current[name],
            distance=distances[name],
            numerical=name in columns.numerical,
            level=level,
            config=config,
        )
        for name in names
    )
    status, reason = _summary(findings)
    share = sum(finding.status == "drifted" for finding in findings) / len(findings)
    return DriftJudgement(status=status, reason=reason, columns=findings, drifted_share=share, **counts)


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
    measured = [finding.column for finding in judgement.columns if finding.measure in ("wasserstein", "psi")]
    page = "<!DOCTYPE html><html><head><meta charset='utf-8'></head><body></body></html>"
    if measured:
        before, after = (_sample(frame, columns=columns, config=config, seed=seed) for frame in (reference, current))
        page = _measure(before, after, measured, columns=columns, config=config).get_html_str(as_iframe=False)
    head, body, rest = page.partition("<body>")
    if not body:
        raise ValueError("Evidently's page has no <body>; its format changed")
    with replaced(path) as staging:
        staging.write_text(head + body + _findings_table(judgement) + rest)


def _sample(frame: pd.DataFrame, *, columns: DriftColumns, config: DriftConfig, seed: int) -> pd.DataFrame:
    """Return at most ``max_rows`` rows in random order, one for each unit."""
    return one_row_of_each(frame, columns, seed=seed).head(config.max_rows).reset_index(drop=True)


def _measure(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    names: Iterable[str],
    *,
    columns: DriftColumns,
    config: DriftConfig,
) -> "Snapshot":
    """Let Evidently measure the named columns; each was found fit for it."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    numerical = [name for name in names if name in columns.numerical]
    categorical = [name for name in names if name in columns.categorical]
    before, after = reference[numerical].astype("float64"), current[numerical].astype("float64")
    for name in categorical:
        before[name], after[name] = _pool_rare(reference[name], current[name])
    definition = DataDefinition(numerical_columns=numerical, categorical_columns=categorical)
    report = Report(
        [ValueDrift(column=name, method="wasserstein", threshold=config.wasserstein) for name in numerical]
        + [ValueDrift(column=name, method="psi", threshold=config.psi) for name in categorical]
    )
    # Evidently takes the current window first.
    return report.run(Dataset.from_pandas(after, definition), Dataset.from_pandas(before, definition))


def _distances(snapshot: "Snapshot") -> dict[str, float]:
    """Return Evidently's distance by column."""
    return {metric["config"]["column"]: float(metric["value"]) for metric in snapshot.dict()["metrics"]}


def _judge_distance(
    before: pd.Series, after: pd.Series, *, distance: float, numerical: bool, level: float, config: DriftConfig
) -> ColumnFinding:
    """Call a measured column drifted where its distance matters and chance does not explain it."""
    from scipy.stats import chi2_contingency, ks_2samp

    if numerical:
        measure, limit = "wasserstein", config.wasserstein
        p_value = float(ks_2samp(before.dropna(), after.dropna(), method="asymp").pvalue)
    else:
        measure, limit = "psi", config.psi
        counts = pd.concat([values.value_counts() for values in _pool_rare(before, after)], axis=1).fillna(0)
        p_value = float(chi2_contingency(counts.to_numpy()).pvalue)
    drifted = distance > limit and p_value <= level
    return ColumnFinding(
        column=str(before.name),
        status="drifted" if drifted else "stable",
        reason=f"{measure} distance {distance:.3f} ({limit:g} matters), p {p_value:.1e} ({level:.1e} is no chance)",
        measure=measure,
        distance=distance,
        p_value=p_value,
    )


def _pool_rare(before: pd.Series, after: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return both columns as text, categories of under 1% of all rows together under one name."""
    frequent = _frequent(before, after)
    pooled = [values.where(values.isna() | values.isin(frequent), RARE).astype("object") for values in (before, after)]
    return pooled[0], pooled[1]


def _frequent(before: pd.Series, after: pd.Series) -> set[str]:
    """Return the categories of at least 1% of all rows."""
    shares = pd.concat([before, after]).value_counts(normalize=True)
    return set(shares.index[shares >= 0.01])


def _summary(findings: tuple[ColumnFinding, ...]) -> tuple[Status, str]:
    statuses: tuple[Status, ...] = ("drifted", "not evaluable")
    for status in statuses:
        names = [finding.column for finding in findings if finding.status == status]
        if names:
            return status, f"{len(names)} of {len(findings)} columns {status}: {', '.join(names)}"
    return "stable", f"all {len(findings)} columns stable"


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
