"""``shopsight import``: one file into the event log."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from shopsight.cli.console import err, out, print_json
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from shopsight.ingestion.event_log import Receipt


def run_import(format_name: str, path: Path | None, *, mapping: Path | None = None, as_json: bool) -> None:
    """Land ``path`` and print what became of its rows."""
    receipt = land(Settings(), format_name, path, mapping=mapping)
    if as_json:
        print_json(asdict(receipt))
    else:
        show_receipt(receipt)


def land(settings: Settings, format_name: str, path: Path | None, *, mapping: Path | None = None) -> "Receipt":
    """Land one file, folder or bundled source in the event log of ``settings``.

    Raises:
        ShopsightError: the format is unknown, or the importer refused the file.
    """
    from shopsight.ingestion.importers import import_file

    prepare_environment(settings)
    with err.status(f"importing {format_name}") as note:
        return import_file(
            settings,
            format_name,
            path,
            received_at=datetime.now(UTC),
            mapping=mapping,
            report=lambda progress: note.update(f"importing {format_name}: {progress.rows:,} rows"),
        )


def show_receipt(receipt: "Receipt") -> None:
    """Print the batch's counts, and why rows were quarantined."""
    table = Table(title=f"batch {receipt.batch_id}", title_justify="left")
    counts = ("received", "accepted", "duplicates", "quarantined")
    for column in counts:
        table.add_column(column, justify="right")
    table.add_row(*(f"{getattr(receipt, name):,}" for name in counts))
    out.print(table)
    for reason, rows in receipt.reasons.items():
        out.print(f"  quarantined: {reason}: {rows:,}")
