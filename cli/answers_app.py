"""``shopsight answers``: what answers are learnt from, and a question asked by hand."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import AsJson, err, explained, out, print_json

answers_app = typer.Typer(help="Answers from reviews and pages: learn them from marked ones.", no_args_is_help=True)


@answers_app.command(name="learn")
def learn_answers(
    files: Annotated[list[Path], typer.Argument(help="CSV files of marked answers, plain or gzipped.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="answers/ of the home")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Learn to answer from questions whose answers the shop's people marked; the next start of a service uses it."""
    with explained():
        _learn(files, output, as_json=as_json)


def _learn(files: list[Path], output: Path | None, *, as_json: bool) -> None:
    from models.answers.predict import Reader
    from models.answers.train import learn, read
    from models.text.sentences import load_sentence_encoder
    from shopsight.marked_answers import read_marked_answers
    from shopsight.settings import Settings

    settings = Settings()
    folder = output or settings.answers_path
    questions = read_marked_answers(files)
    with err.status(f"reading {len(questions):,} questions"):
        cases = read(questions, Reader(load_sentence_encoder(settings.sentence_encoder)))
        source = {
            "name": ", ".join(file.name for file in files),
            "domains": sorted({question.domain for question in questions}),
        }
        weights = learn(cases, encoder=settings.sentence_encoder, source=source)
    folder.mkdir(parents=True, exist_ok=True)
    weights.write(folder)
    if as_json:
        print_json({**weights.source, "min_confidence": weights.min_confidence, "folder": str(folder)})
        return
    out.print(f"learnt from {len(cases):,} questions: {folder}")
