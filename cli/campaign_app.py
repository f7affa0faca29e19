"""``shopsight campaign``, with what each command promises; the work is one import away."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import CHECKS_FAILED, AsJson, explained

campaign_app = typer.Typer(help="Campaigns: plan one, launch it, read what it added.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The campaign, as campaigns.yml calls it.")]
File = Annotated[Path | None, typer.Option(help="The campaigns file.", show_default="campaigns.yml of the home")]


@campaign_app.command(name="plan")
def campaign_plan(name: Name, file: File = None, as_json: AsJson = False) -> None:
    """Say who would be sent what and why, what it should bring and cost, and what speaks against it; exit 3 if so."""
    with explained():
        from cli.campaign import plan_campaign

        if not plan_campaign(name, file, as_json=as_json):
            raise typer.Exit(CHECKS_FAILED)


@campaign_app.command(name="launch")
def campaign_launch(
    name: Name,
    file: File = None,
    webhook: Annotated[str | None, typer.Option(help="Post the list there, too, signed.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who launches it.", envvar="SHOPSIGHT_USER")] = "",
    as_json: AsJson = False,
) -> None:
    """Write who is sent what and who is held out into the journal, and the list as CSV; a campaign is launched once."""
    with explained():
        from cli.campaign import launch_campaign

        if not launch_campaign(name, file, webhook=webhook, by=by, as_json=as_json):
            raise typer.Exit(CHECKS_FAILED)


@campaign_app.command(name="report")
def campaign_report(name: Name, as_json: AsJson = False) -> None:
    """Say what a launched campaign added beside its hold-out, with intervals, and what it had promised."""
    with explained():
        from cli.campaign import report_campaign

        report_campaign(name, as_json=as_json)


@campaign_app.command(name="why")
def campaign_why(
    name: Name,
    user: Annotated[str, typer.Argument(help="The shop's own id of the shopper, or the pseudonym.")],
    as_json: AsJson = False,
) -> None:
    """Say what a shopper was sent by a launched campaign and why, or why not; no id of the shop is kept or logged."""
    with explained():
        from cli.campaign import explain_to

        explain_to(name, user, as_json=as_json)


@campaign_app.command(name="answer")
def campaign_answer(
    name: Name,
    build: Annotated[bool, typer.Option(help="Build the marts afterwards, so that the report can be read.")] = True,
) -> None:
    """Sample shop only: let its shoppers answer a launched campaign as planted, until it ends."""
    with explained():
        from cli.campaign_answer import answer_campaign

        answer_campaign(name, build=build)
