"""``shopsight drift``: are the rows of one file still like those of another, and if not, which column is to blame?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import CHECKS_FAILED, out, print_json

if TYPE_CHECKING:
    import pyarrow as pa

    from models.evaluation.drift.findings import ColumnFinding
    from models.evaluation.drift.tables import Comparison

COLOURS = {"stable": "green", "drifted": "red", "not evaluable": "yellow"}


def run_drift(reference: Path, current: Path, *, as_json: bool) -> None:
    """Compare two files column by column, and exit with 3 where someone should look.

    Raises:
        ShopsightError: a file cannot be read.
        typer.Exit: the verdict is not ``stable``.
    """
    from models.evaluation.drift.findings import DriftConfig
    from models.evaluation.drift.tables import compare_tables
    from shopsight.ingestion.readers.source_files import kind_of

    tables = [_read(path) for path in (reference, current)]
    are_typed = all(path.is_file() and kind_of(path) == "parquet" for path in (reference, current))
    found = compare_tables(tables[0], tables[1], config=DriftConfig(), are_typed=are_typed)
    if as_json:
        print_json(as_document(found))
    else:
        _print(found)
    if found.status != "stable":
        raise typer.Exit(CHECKS_FAILED)


def as_document(found: "Comparison") -> dict[str, Any]:
    """Return what programs read of a comparison."""
    return {
        "verdict": _word(found.status),
        "columns": {finding.column: _finding(finding) for finding in found.columns},
        "rows": {"reference": found.reference_rows, "current": found.current_rows, **_finding(found.rows)},
        "culprits": [finding.column for finding in found.culprits],
        "notes": list(found.notes),
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


def _print(found: "Comparison") -> None:
    out.print(
        f"[{COLOURS[found.status]}]{found.status}[/]: {found.reference_rows:,} reference rows, "
        f"{found.current_rows:,} current rows, {len(found.columns)} columns"
    )
    for note in found.notes:
        out.print(f"  [dim]{escape(note)}[/]")
    table = Table("column", "holds", "verdict", "why")
    for finding in sorted((found.rows, *found.columns), key=lambda one: not one.alerts):
        verdict = f"[{COLOURS[finding.status]}]{finding.status}[/]"
        table.add_row(escape(finding.column), finding.kind or "", verdict, escape(finding.reason))
    out.print(table)


def _read(path: Path) -> "pa.Table":
    """Return all rows of a file, text as text and Parquet in its types; without a row, its columns alone.

    Raises:
        ShopsightError: it cannot be read.
    """
    import pyarrow as pa

    from shopsight.ingestion.formats.tables import read_table

    tables = [chunk.rows for chunk in read_table(path)]
    if tables:
        return pa.concat_tables(tables, promote_options="permissive")
    return pa.table({name: pa.array([], pa.string()) for name in _names(path)})


def _names(path: Path) -> Iterator[str]:
    """Yield the columns of a file without rows."""
    import pyarrow.parquet as pq

    from shopsight.ingestion.readers.headers import read_header
    from shopsight.ingestion.readers.source_files import kind_of, open_bytes, open_source

    if kind_of(path) == "parquet":
        with open_bytes(path) as source, pq.ParquetFile(source) as file:
            yield from file.schema_arrow.names
    else:
        with open_source(path) as text:
            yield from read_header(text, path, ()).names
