"""Commands that trace, replay and check what shopsight did, with what they promise; the work is one import away."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import AsJson, explained
from shopsight.errors import ShopsightError
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
    days: Annotated[
        int, typer.Option(min=0, help="Instead: what a candidate would have changed in the last so many days.")
    ] = 0,
    rules: Annotated[Path | None, typer.Option(help="With --days: the candidate's rules for lists.")] = None,
    version: Annotated[str, typer.Option(help="With --days: the candidate's version of the recommender.")] = "",
    gate: Annotated[Path | None, typer.Option(help="With --days: a YAML file of other limits of the gate.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make logged answers again, from the log, the model and the rules of then, and compare; exit 3 if any differs."""
    with explained():
        from cli import day_replay

        candidates = bool(rules or version) + bool(gate)
        if bool(days) != bool(candidates) or candidates > 1:
            raise ShopsightError(
                "it is not clear what to make again",
                why="days are compared with one candidate: rules and a version of the recommender, or a gate",
                fix="`shopsight replay --days 7 --rules FILE`, `--days 7 --version v0002`, or `--days 30 --gate FILE`",
            )
        if gate is not None:
            day_replay.run_gate(days, limits=gate, as_json=as_json)
        elif days:
            day_replay.run_lists(days, rules=rules, version=version, as_json=as_json)
        else:
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


def dossier(
    family: Annotated[str, typer.Argument(metavar="[FAMILY]", help=", ".join(FAMILIES))] = "",
    version: Annotated[str, typer.Option(help="Such as v0002; default: the one that serves, or else the newest.")] = "",
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    output: Annotated[Path | None, typer.Option(help="Folder; default: reports/dossiers of the home.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="A dossier to check: each figure is recomputed; exit 3 if one differs.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write what a regulator or customer asks of a model: purpose, data, figures, parameters, oversight, changes."""
    with explained():
        from cli import dossier as work

        if check is not None:
            work.check(check, as_json=as_json)
        else:
            work.write_dossier(family, version, language=language, output=output, as_json=as_json)


def doctor(as_json: AsJson = False) -> None:
    """Check the environment, the home, the stores and the ports, and say what to mend."""
    with explained():
        from cli.doctor import run_doctor

        run_doctor(as_json=as_json)
