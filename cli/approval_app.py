"""``shopsight judge`` and ``waiting``: what comes before a decision about a model."""

from typing import Annotated

import typer

from cli.console import AsJson, explained
from shopsight.families import FAMILIES


def judge(
    family: Annotated[str, typer.Argument(help=", ".join(FAMILIES))],
    version: Annotated[str, typer.Option(help="The candidate, such as v0002; default: the newest.")] = "",
    as_json: AsJson = False,
) -> None:
    """Have the gate judge a candidate anew, beside what serves now; nothing is decided."""
    with explained():
        from cli.decide import judge_again

        judge_again(family, version or None, as_json=as_json)


def waiting(as_json: AsJson = False) -> None:
    """List the candidates that wait for a decision: since when, for whom, and until when their verdict holds."""
    with explained():
        from cli.waiting import list_waiting

        list_waiting(as_json=as_json)
