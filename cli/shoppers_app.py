"""Commands about shoppers, with what they promise; the work is one import away."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import CHECKS_FAILED, AsJson, explained


def ask(
    text: Annotated[str, typer.Argument(help="Such as: shoppers who return an item within 14 days.")],
    output: Annotated[
        Path | None, typer.Option(help="Write today's probability of each shopper there, as CSV.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask who will do what within how many days: a model is made and judged, or the question refused; exit 3 if so."""
    with explained():
        from cli.asking import ask as answer

        if not answer(text, output=output, as_json=as_json):
            raise typer.Exit(CHECKS_FAILED)


def groups(as_json: AsJson = False) -> None:
    """Show groups of shoppers by what they do, how they move between them, and the segments of `segments.yml`."""
    with explained():
        from cli.groups import show_groups

        show_groups(as_json=as_json)


def profile(
    user: Annotated[str, typer.Argument(help="The shop's own id of a user or device, or a pseudonym.")],
    as_json: AsJson = False,
) -> None:
    """Show what the shop knows of a shopper: each line with its time, its evidence, and how sure it is."""
    with explained():
        from cli.profile import show_profile

        show_profile(user, as_json=as_json)
