"""``shopsight ask``: a question about shoppers, answered with figures, or refused with the reason."""

import csv
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.console import out, print_json
from shopsight.marts import require_marts
from shopsight.refusals import open_personal_marts
from shopsight.settings import Settings


def ask(text: str, *, output: Path | None, as_json: bool) -> bool:
    """Print the answer to a question, and write today's scores where a file is named.

    Args:
        text: the question.
        output: a CSV file for ``user_id`` and ``probability``.
        as_json: print one JSON document.

    Returns:
        Whether it was judged; False where it was refused.

    Raises:
        ShopsightError: the home has no marts.
    """
    from models.asking.answer import MARTS, answer

    settings = Settings()
    require_marts(settings, MARTS)
    with open_personal_marts(settings, MARTS) as connection:
        said = answer(connection, text, seed=settings.seed)
    if output is not None and said.document["verdict"] != "refused":
        with output.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["user_id", "probability"])
            order = said.probabilities.argsort()[::-1]
            rows.writerows(zip(said.users[order], said.probabilities[order].round(6), strict=True))
    if as_json:
        print_json(said.document)
    else:
        _show(said.document)
    return bool(said.document["verdict"] != "refused")


def _show(document: dict[str, Any]) -> None:
    if document["understood"]:
        out.print(f"understood: {escape(document['understood'])}", soft_wrap=True)
    if document["verdict"] == "refused":
        out.print(f"[bold red]refused[/] {escape(document['reason'])}", soft_wrap=True)
        out.print(f"  [dim]ask[/] {escape(document['suggestion'])}", soft_wrap=True)
        return
    low, high = document["interval"]
    out.print(
        f"ROC AUC [bold]{document['roc_auc']:.3f}[/] [{low:.3f}, {high:.3f}], {document['positives']:,} of "
        f"{document['population']:,} did it",
        markup=True,
    )
    table = Table("beside it", "ROC AUC", "gain [95%]")
    for name, area in document["baselines"].items():
        gain = document["gains"].get(name)
        table.add_row(name, f"{area:.3f}", "" if gain is None else f"{gain[0]:+.3f} \\[{gain[1]:+.3f}, {gain[2]:+.3f}]")
    out.print(table)
    colour = "green" if document["verdict"] == "eligible" else "yellow"
    out.print(f"[{colour}]{document['verdict']}[/] {escape(document['reason'])}", soft_wrap=True)
    if scores := document.get("scores"):
        out.print(
            f"today {scores['shoppers']:,} shoppers are like that; {scores['expected']:,.0f} are expected to do it "
            "(`--output FILE` writes the probability of each)",
            soft_wrap=True,
        )
