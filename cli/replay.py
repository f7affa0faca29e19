"""``shopsight replay``: logged answers, made again and compared."""

import hashlib
from pathlib import Path
from typing import Final

import typer
from rich.progress import Progress
from rich.table import Table

from cli.console import CHECKS_FAILED, err, out, print_json
from cli.predict import texts_of
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.marts import export_path, mart_exists, read_mart
from shopsight.settings import Settings

MAX_SHOWN: Final = 10
"""Different answers that are printed; ``--json`` prints all."""


def run_replay(answers: int, *, family: str, texts: Path | None, as_json: bool) -> None:
    """Make the newest answers again, and say which differ.

    Raises:
        ShopsightError: there is no such family, no answer, or no file of texts.
        typer.Exit: an answer differs, or a row is damaged.
    """
    from serving.audit.logged_rows import newest_rows
    from serving.audit.replay import replay

    if family and family not in FAMILIES:
        raise ShopsightError(
            f"there is no family {family!r}", why=f"there are {', '.join(FAMILIES)}", fix="name one of them, or none"
        )
    settings = Settings()
    newest = newest_rows(settings, [family] if family else list(FAMILIES), answers)
    if not newest.rows and not newest.damaged:
        raise ShopsightError(
            "there is no answer to make again",
            why=f"the prediction log {settings.predictions_dir} has no rows",
            fix="start the services with `shopsight up` and ask for something",
        )
    asks_intent = any(row["model"]["name"] == "intent" for row in newest.rows)
    by_digest = _texts(settings, texts) if asks_intent else {}
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("making answers again", total=len(newest.rows))
        result = replay(
            newest.rows, settings, texts=by_digest, report=lambda done: progress.update(task, completed=done)
        )
    if as_json:
        print_json(vars(result) | {"damaged": list(newest.damaged)})
    else:
        table = Table("family", "asked", "identical", "different", "not replayable")
        for name, counts in sorted(result.by_family.items()):
            columns = ("asked", "identical", "different", "not_replayable")
            table.add_row(name, *(f"{counts[column]:,}" for column in columns))
        out.print(table)
        for one in result.differences[:MAX_SHOWN]:
            out.print(f"different: {one['id']} ({one['family']})", *(f"  {what}" for what in one["what"]), sep="\n")
        for reason, count in result.reasons.most_common():
            out.print(f"not replayable: {count:,}: {reason}")
        for place in newest.damaged:
            out.print(f"damaged: {place}")
    if result.different or newest.damaged:
        raise typer.Exit(CHECKS_FAILED)


def _texts(settings: Settings, file: Path | None) -> dict[str, str]:
    """Return what shoppers wrote, by its digest: the warehouse's utterances, and what a file has."""
    texts: list[str] = []
    if mart_exists(export_path(settings, "utterances")):
        texts += read_mart(settings, "utterances", ["text"])["text"].to_pylist()
    if file is not None:
        texts += texts_of(file)
    return {hashlib.sha256(text.encode()).hexdigest()[:16]: text for text in texts}
