"""``shopsight import``: one file into the event log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import CHECKS_FAILED, err, out, print_json
from shopsight.errors import ShopsightError
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from shopsight.ingestion.checks.answers import Check
    from shopsight.ingestion.log.event_log import Receipt
    from shopsight.ingestion.readers.chunks import ImportProgress, ReportImport


def run_import(format_name: str, path: Path | None, *, mapping: Path | None = None, as_json: bool) -> None:
    """Land ``path`` and print what became of its rows; exit with 3 where none of them is accepted or was before."""
    if format_name == "collected":
        _land_collected(Settings(), as_json=as_json)
        return
    receipt = land(Settings(), format_name, path, mapping=mapping)
    if as_json:
        print_json(asdict(receipt))
    else:
        show_receipt(receipt)
    companions = receipt.items or receipt.users or receipt.inventory
    if not (receipt.accepted or receipt.duplicates or receipt.corrected or companions):
        err.print("no row was accepted: is the format the right one? shopsight validate says what the rows lack")
        raise typer.Exit(CHECKS_FAILED)


def land(settings: Settings, format_name: str, path: Path | None, *, mapping: Path | None = None) -> "Receipt":
    """Land one file, folder or bundled source in the event log of ``settings``.

    Raises:
        ShopsightError: the format is unknown, or the importer refused the file.
    """
    from shopsight.ingestion.importers import import_file
    from shopsight.sample_shop import land_sample_shop

    prepare_environment(settings)
    received_at = datetime.now(UTC)
    with shown_import(format_name) as report:
        if format_name == "sample":
            return land_sample_shop(
                settings, settings.sample_size, seed=settings.seed, received_at=received_at, report=report
            )
        return import_file(settings, format_name, path, received_at=received_at, mapping=mapping, report=report)


def _land_collected(settings: Settings, *, as_json: bool) -> None:
    """Land what the collector has sealed, and print what became of each segment."""
    from shopsight.ingestion.collecting.landing import land_collected

    prepare_environment(settings)
    with shown_import("collected events") as report:
        receipts = land_collected(settings, received_at=datetime.now(UTC), report=report)
    if as_json:
        print_json([asdict(receipt) for receipt in receipts])
        return
    for receipt in receipts:
        show_receipt(receipt)
    if not receipts:
        seconds = settings.segment_seconds
        out.print(f"no segment of the collector waits; it seals one every {seconds:g} seconds, and when it stops")


def land_generated(settings: Settings, events: int) -> "Receipt":
    """Land a generated log of so many events in the home of ``settings``, which must have none.

    Raises:
        ShopsightError: it is no number of events for a log, the home has a log, or there is too little room.
    """
    from shopsight.generated_log import land_generated_log

    prepare_environment(settings)
    with shown_import("generated") as report:
        return land_generated_log(settings, events, received_at=datetime.now(UTC), report=report)


@contextmanager
def shown_import(name: str) -> Iterator["ReportImport"]:
    """Show on the terminal how far an import is, which the block reports."""
    with err.status(f"importing {name}") as note:

        def report(progress: "ImportProgress") -> None:
            note.update(f"importing {name}: {progress.rows:,} rows")

        yield report


def run_validate(format_name: str, path: Path | None, *, mapping: Path | None, as_json: bool) -> None:
    """Print every check of a file, and exit with 3 where one fails.

    Raises:
        ShopsightError: the format is unknown, or the mapping cannot be used.
    """
    from shopsight.ingestion.checking import worst
    from shopsight.ingestion.importers import check_file

    if format_name == "sample":
        raise ShopsightError(
            "cannot validate the format sample", why="it is generated, not read", fix="validate a file of your own"
        )
    prepare_environment(Settings())
    with err.status(f"reading {format_name}"):
        checks = check_file(format_name, path, received_at=datetime.now(UTC), mapping=mapping)
    if as_json:
        print_json({"status": worst(checks), "checks": [asdict(check) for check in checks]})
    else:
        show_checks(checks)
    if worst(checks) == "FAIL":
        raise typer.Exit(CHECKS_FAILED)


def show_checks(checks: "list[Check]") -> None:
    """Print a line per check, and below it the rows that break it."""
    colours = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
    for check in checks:
        rows = f"{check.rows:>10,}" if check.rows else " " * 10
        out.print(
            f"[{colours[check.status]}]{check.status}[/] {rows}  {check.name}: {escape(check.said)}", soft_wrap=True
        )
        for example in check.examples:
            place = f"{example.file_name}, line {example.line}"
            out.print(f"       [dim]{escape(place)}[/]  {escape(example.raw[:160])}", soft_wrap=True)
        if check.status != "PASS":
            for word, sentence in (("why", check.why), ("fix", check.fix)):
                if sentence:
                    out.print(f"       [dim]{word}[/] {escape(sentence)}", soft_wrap=True)


def show_receipt(receipt: "Receipt") -> None:
    """Print the batch's counts, and why rows were quarantined."""
    from shopsight.ingestion.readers.chunks import DOUBTS

    table = Table(title=f"batch {receipt.batch_id}", title_justify="left")
    counts = ("received", "accepted", "duplicates", "corrected", "quarantined")
    for column in counts:
        table.add_column(column, justify="right")
    table.add_row(*(f"{getattr(receipt, name):,}" for name in counts))
    out.print(table)
    if receipt.corrected:
        out.print("  corrected: rows that say something else of a known event; its newest version counts from now on")
    if receipt.items:
        out.print(f"  items: {receipt.items:,} rows of {receipt.distinct_items:,} items")
    if receipt.users:
        out.print(f"  users: {receipt.users:,} rows")
    if receipt.inventory:
        out.print(f"  inventory: {receipt.inventory:,} counts of stock")
    if receipt.companions_quarantined:
        out.print(f"  quarantined: {receipt.companions_quarantined:,} rows of items, users or inventory")
    for reason, rows in receipt.reasons.items():
        on_purpose = " (on purpose: no fault of the file)" if reason.startswith("left_out_by_") else ""
        out.print(f"  quarantined: {reason}: {rows:,}{on_purpose}")
    if receipt.guests:
        out.print(f"  {receipt.guests:,} rows of orders without any identity count for the shop, under their order")
    for doubt, rows in receipt.doubts.items():
        out.print(f"  [yellow]in doubt[/] {rows:,} rows: {DOUBTS[doubt]}")
