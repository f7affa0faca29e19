"""``shopsight drift``: are the rows of one file still like those of another, and if not, which column is to blame?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import CHECKS_FAILED, out, print_json

if TYPE_CHECKING:
    from models.evaluation.drift.findings import ColumnFinding
    from models.evaluation.drift.tables import Comparison

COLOURS = {"stable": "green", "drifted": "red", "not evaluable": "yellow"}


def run_drift(reference: Path, current: Path, *, calendar: Path | None, as_json: bool) -> None:
    """Compare two files column by column, and exit with 3 where someone should look.

    Raises:
        ShopsightError: a file or the calendar cannot be read.
        typer.Exit: the verdict is not ``stable``.
    """
    from models.evaluation.drift.findings import DriftConfig
    from models.evaluation.drift.periods import ShopCalendar
    from models.evaluation.drift.tables import compare_tables
    from shopsight.ingestion.formats.whole_tables import read_whole
    from shopsight.settings import Settings

    settings = Settings()
    if calendar is None and settings.calendar_path.exists():
        calendar = settings.calendar_path
    before, after = (read_whole(path) for path in (reference, current))
    comparison = compare_tables(
        before.rows,
        after.rows,
        config=DriftConfig(),
        are_typed=before.are_typed and after.are_typed,
        broken=(before.broken, after.broken),
        calendar=None if calendar is None else ShopCalendar.read(calendar),
        zone=settings.zone,
    )
    if as_json:
        print_json(as_document(comparison))
    else:
        _print(comparison)
    if comparison.status != "stable":
        raise typer.Exit(CHECKS_FAILED)


def as_document(comparison: "Comparison") -> dict[str, Any]:
    """Return what programs read of a comparison."""
    return {
        "verdict": _word(comparison.status),
        "columns": {finding.column: _finding(finding) for finding in comparison.columns},
        "rows": {
            "reference": comparison.reference_rows,
            "current": comparison.current_rows,
            **_finding(comparison.rows),
        },
        "revenue_touched": {"column": comparison.money, "share": dict(comparison.touched)},
        "culprits": [finding.column for finding in comparison.culprits],
        "notes": list(comparison.notes),
    }


def _finding(finding: "ColumnFinding") -> dict[str, Any]:
    return {
        "verdict": _word(finding.status),
        "method": finding.method,
        "effect": finding.effect,
        "p_value": finding.p_value,
        "kind": finding.kind,
        "reason": finding.reason,
    }


def _word(status: str) -> str:
    return status.replace(" ", "_")


def _print(comparison: "Comparison") -> None:
    out.print(
        f"[{COLOURS[comparison.status]}]{comparison.status}[/]: {comparison.reference_rows:,} reference rows, "
        f"{comparison.current_rows:,} current rows, {len(comparison.columns)} columns"
    )
    for note in comparison.notes:
        out.print(f"  [dim]{escape(note)}[/]")
    table = Table("column", "holds", "verdict", "why")
    for finding in sorted((comparison.rows, *comparison.columns), key=lambda one: not one.alerts):
        verdict = f"[{COLOURS[finding.status]}]{finding.status}[/]"
        share = comparison.touched.get(finding.column)
        money = "" if share is None else f"; touches {share:.0%} of {comparison.money}"
        table.add_row(escape(finding.column), finding.kind or "", verdict, escape(finding.reason + money))
    out.print(table)
