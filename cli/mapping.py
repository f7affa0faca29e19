"""``shopsight map``: guesses the mapping of a file, shows how sure it is, and writes it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rich.table import Table

from cli.console import err, out, print_json
from shopsight.errors import ShopsightError

if TYPE_CHECKING:
    from shopsight.ingestion.guessing.guess import Guess


class MappingExistsError(ShopsightError):
    """The file to write is there already."""


def run_map(file: Path, *, write: Path | None, source: str, as_json: bool) -> None:
    """Guess, show and, where asked, write the mapping of ``file``.

    Raises:
        ShopsightError: the file cannot be read, nothing in it can be guessed, or ``write`` exists.
    """
    from shopsight.ingestion.guessing.guess import guess_mapping

    if write is not None and write.exists():
        raise MappingExistsError(
            f"cannot write {write}",
            why="the file exists, and may have been mended by hand",
            fix="name another file, or remove it first",
        )
    with err.status(f"looking at {file.name}"):
        guess = guess_mapping(file, source=source)
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
        out.print(f"wrote {write}; import with: shopsight import mapped {file} --mapping {write}", soft_wrap=True)
