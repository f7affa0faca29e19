"""``shopsight triggers``, with what each command promises; the work is one import away."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import CHECKS_FAILED, AsJson, explained

triggers_app = typer.Typer(
    help="Triggers: check them, replay them on days that are over, fire them, read what they added.",
    no_args_is_help=True,
)
File = Annotated[Path | None, typer.Option(help="The triggers file.", show_default="triggers.yml of the home")]


@triggers_app.command(name="check")
def triggers_check(file: File = None, as_json: AsJson = False) -> None:
    """Say whether the file is valid, and the log has what each trigger follows; exit 3 where one cannot fire."""
    with explained():
        from cli.triggers import check

        if not check(file, as_json=as_json):
            raise typer.Exit(CHECKS_FAILED)


@triggers_app.command(name="replay")
def triggers_replay(
    days: Annotated[int, typer.Option(min=1, max=90, help="How many of the log's last days.")] = 7,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Say what would have fired on the log's last days, for whom and on what evidence; nothing is sent or written."""
    with explained():
        from cli.triggers import replay

        replay(days, file, as_json=as_json)


@triggers_app.command(name="run")
def triggers_run() -> None:
    """Fire triggers until Ctrl-C, where no `shopsight up` does; the file is read again when it changes."""
    with explained():
        from cli.triggers import run

        run()


@triggers_app.command(name="report")
def triggers_report(as_json: AsJson = False) -> None:
    """Say what fired, what became of it and how late, and what each trigger added beside its hold-out."""
    with explained():
        from cli.triggers import report

        report(as_json=as_json)


@triggers_app.command(name="why")
def triggers_why(
    user: Annotated[str, typer.Argument(help="The shop's own id of the shopper, or the pseudonym.")],
    as_json: AsJson = False,
) -> None:
    """Say what triggers decided of a shopper, and because of which events; no id of the shop is kept or logged."""
    with explained():
        from cli.triggers import explain_to

        explain_to(user, as_json=as_json)
