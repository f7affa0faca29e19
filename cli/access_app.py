"""The commands of ``shopsight`` about who may come in: people to the pages, programs to the services."""

from typing import Annotated

import typer

from cli.console import AsJson, explained

people_app = typer.Typer(help="Who may open Studio and the web UI, and decide in their own name.", no_args_is_help=True)
keys_app = typer.Typer(help="API keys of the services: who may call them, and what for.", no_args_is_help=True)


@people_app.command(name="add")
def people_add(
    name: Annotated[str, typer.Argument(help="A person's name, as decisions are to be recorded under.")],
    role: Annotated[
        str, typer.Option(help="editor: may launch runs and decide; viewer: may look at everything.")
    ] = "editor",
    as_json: AsJson = False,
) -> None:
    """Give a person a token, and print the link that logs them in; a token they had stops working."""
    with explained():
        from cli.people import add_person

        add_person(name, role=role, as_json=as_json)


@people_app.command(name="list")
def people_list(as_json: AsJson = False) -> None:
    """List who may open Studio, the web UI and the reports."""
    with explained():
        from cli.people import list_people

        list_people(as_json=as_json)


@people_app.command(name="remove")
def people_remove(name: Annotated[str, typer.Argument(help="The name the token was given under.")]) -> None:
    """Take a person's token away; the pages they have open stop working."""
    with explained():
        from cli.people import remove_person

        remove_person(name)


@keys_app.command(name="create")
def keys_create(
    name: Annotated[str, typer.Argument(help="Whose it is, such as storefront.")],
    scope: Annotated[
        list[str],
        typer.Option(help="read: predictions; write: events and items; admin: both and the rest. May be repeated."),
    ],
    expires_days: Annotated[
        float | None, typer.Option(min=0.001, help="End it after so many days; default: never.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0, help="Requests a second of each service; 0: no limit; default: SHOPSIGHT_API_KEY_RATE."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it once; as soon as there is one, the services answer nobody without."""
    with explained():
        from cli.keys import create_key

        create_key(name, scope, expires_days=expires_days, rate=rate, as_json=as_json)


@keys_app.command(name="list")
def keys_list(as_json: AsJson = False) -> None:
    """List the API keys: whose, what for, until when, and when they were used last."""
    with explained():
        from cli.keys import list_keys

        list_keys(as_json=as_json)


@keys_app.command(name="rotate")
def keys_rotate(
    name: Annotated[str, typer.Argument(help="Whose key.")],
    grace_hours: Annotated[
        float | None, typer.Option(min=0, help="How long the one before goes on working; default: 24.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a new API key in the place of one, and print it once; the one before works for a while."""
    with explained():
        from cli.keys import rotate_key

        rotate_key(name, grace_hours=grace_hours, as_json=as_json)


@keys_app.command(name="revoke")
def keys_revoke(name: Annotated[str, typer.Argument(help="Whose key.")]) -> None:
    """Take an API key away; running services refuse it within a second."""
    with explained():
        from cli.keys import revoke_key

        revoke_key(name)
