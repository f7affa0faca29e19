"""``shopsight people``: who may open what ``make up`` serves."""

from rich.table import Table

from cli.console import out, print_json
from shopsight.settings import Settings


def add_person(name: str, *, as_json: bool) -> None:
    """Make a token for a person, and print it: it is stored nowhere and cannot be shown again.

    Raises:
        ShopsightError: the name is none that a person can sign with.
    """
    from orchestration.gateway.people import People, link_to

    settings = Settings()
    token = People(settings).add(name)
    link = link_to(settings, token)
    if as_json:
        print_json({"name": name, "token": token, "link": link})
        return
    out.print(f"{name} may come in; this link is printed once, and whoever has it decides as {name}:", markup=False)
    out.print(link, soft_wrap=True, markup=False)


def list_people(*, as_json: bool) -> None:
    """Print who may come in, and since when."""
    from orchestration.gateway.people import People, person_at_terminal

    settings = Settings()
    owner, named = person_at_terminal(settings), People(settings).named()
    if as_json:
        print_json({"owner": owner, "people": [{"name": person.name, "since": person.since} for person in named]})
        return
    table = Table()
    table.add_column("name")
    table.add_column("token since")
    table.add_row(f"{owner} (runs `make up`)", "the link that it prints")
    for person in named:
        table.add_row(person.name, person.since)
    out.print(table, markup=False)


def remove_person(name: str) -> None:
    """Take a person's token away.

    Raises:
        ShopsightError: no such person has one.
    """
    from orchestration.gateway.people import People

    out.print(f"{People(Settings()).remove(name)} may no longer come in", markup=False)
