"""``shopsight trace``, ``replay`` and ``skew``, with what they promise; the work is one import away."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import AsJson, explained
from shopsight.families import FAMILIES

AnswerId = Annotated[
    str, typer.Argument(metavar="ID", help="A prediction_id or recommendation_id, as the answer had it.")
]


def trace(answer_id: AnswerId, as_json: AsJson = False) -> None:
    """Say where an answer comes from: Bento, model, approval, training, features, batches; and what followed it."""
    with explained():
        from cli.trace import show_trace

        show_trace(answer_id, as_json=as_json)


def replay(
    answers: Annotated[int, typer.Option(min=1, help="How many of the newest logged answers.")] = 1_000,
    family: Annotated[str, typer.Option(help=f"Only of this family: {', '.join(FAMILIES)}.")] = "",
    texts: Annotated[
        Path | None, typer.Option(help="A CSV file with a column `text`: intents are made again from these, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make logged answers again, from the log, the model and the rules of then, and compare; exit 3 if any differs."""
    with explained():
        from cli.replay import run_replay

        run_replay(answers, family=family, texts=texts, as_json=as_json)


def skew(
    answers: Annotated[int, typer.Option(min=1, help="How many of the newest logged answers.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Compare what answers were made from with what training would read of the same second; exit 3 if any differs."""
    with explained():
        from cli.skew import run_skew

        run_skew(answers, as_json=as_json)
