"""``shopsight map``: guesses the mapping of a file, shows how sure it is, and writes it."""

import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

import yaml
from rich.table import Table

from cli.console import err, out, print_json, program
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

if TYPE_CHECKING:
    from shopsight.ingestion.guessing.guess import Guess


class MappingExistsError(ShopsightError):
    """The file to write is there already."""


class UnknownZoneError(ShopsightError):
    """No time zone has this name."""


def run_map(file: Path, *, write: Path | None, source: str, zone: str, as_json: bool) -> None:
    """Guess, show and, where asked, write the mapping of ``file``; an empty ``zone`` is the shop's.

    Raises:
        ShopsightError: the file cannot be read, nothing in it can be guessed, ``write`` exists, or the zone does not.
    """
    from shopsight.ingestion.guessing.guess import guess_mapping

    if write is not None and write.exists():
        raise MappingExistsError(
            f"cannot write {write}",
            why="the file exists, and may have been mended by hand",
            fix="name another file, or remove it first",
        )
    zone = zone or Settings().zone
    if zone not in available_timezones():
        raise UnknownZoneError(
            f"no time zone is called {zone}", why="times are read by it", fix="write it like Europe/Berlin or UTC"
        )
    with err.status(f"looking at {file.name}"):
        guess = guess_mapping(file, source=source, zone=zone)
    if write is not None and "orders" in guess.document:  # a mapping names it as seen from its own folder
        beside = file.parent / guess.document["orders"]["file"]
        guess.document["orders"]["file"] = os.path.relpath(beside, write.parent)
    text = mapping_text(file, guess)
    if write is not None:
        write.write_text(text)
    if as_json:
        columns = [asdict(column) for column in guess.columns]
        print_json({"mapping": guess.document, "columns": columns, "unused": guess.unused, "warnings": guess.warnings})
    else:
        _show(file, guess, text, write)


def mapping_text(file: Path, guess: "Guess") -> str:
    """Return the mapping as YAML, with a comment that says how sure each column is."""
    sureness = [f"#   {c.name}: {c.confidence:.2f}, {c.evidence}" for c in guess.columns]
    notes = [f"# Note: {warning}" for warning in guess.warnings]
    left_out = [f"# Left out: {', '.join(guess.unused)} (name those to keep under properties)"] if guess.unused else []
    head = [f"# Guessed from {file.name}. Read it over: each column with how sure the guess is, 0 to 1.", *sureness]
    body = yaml.safe_dump(guess.document, sort_keys=False, allow_unicode=True, width=120)
    return "\n".join([*head, *notes, *left_out, body])


def _show(file: Path, guess: "Guess", text: str, write: Path | None) -> None:
    table = Table(title=f"{file.name}: what its columns seem to be", title_justify="left")
    for heading in ("canonical", "in the file", "sure", "because"):
        table.add_column(heading)
    for column in guess.columns:
        style = "green" if column.confidence >= 0.8 else "yellow" if column.confidence >= 0.5 else "red"
        where = column.column or "(constant)"
        table.add_row(column.name, where, f"[{style}]{column.confidence:.0%}[/]", column.evidence)
    out.print(table)
    if guess.unused:
        out.print(f"left out: {', '.join(guess.unused)}")
    for warning in guess.warnings:
        out.print(f"[yellow]note[/] {warning}")
    if write is None:
        out.print(f"\n{text}", markup=False)
    else:
        command = f"{program()} {shlex.join(['import', 'mapped', str(file), '--mapping', str(write)])}"
        out.print(f"wrote {write}; import with: {command}", soft_wrap=True, markup=False, highlight=False)
