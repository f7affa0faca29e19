"""``shopsight people``: who may open what ``make up`` serves."""

from rich.table import Table

from cli.console import out, print_json
from shopsight.settings import Settings


def add_person(name: str, *, role: str, as_json: bool) -> None:
    """Make a token for a person, and print it: it is stored nowhere and cannot be shown again.

    Raises:
        ShopsightError: the name is none that a person can sign with, or the role is none.
    """
    from orchestration.gateway.people import People, link_to

    settings = Settings()
    token = People(settings).add(name, role)
    link = link_to(settings, token)
    if as_json:
        print_json({"name": name, "role": role, "token": token, "link": link})
        return
    may = "looks in" if role == "viewer" else "decides"
    out.print(f"{name} may come in; this link is printed once, and whoever has it {may} as {name}:", markup=False)
    out.print(link, soft_wrap=True, markup=False)


def list_people(*, as_json: bool) -> None:
    """Print who may come in, and since when."""
    from orchestration.gateway.people import People, person_at_terminal

    settings = Settings()
    owner, named = person_at_terminal(settings), People(settings).named()
    if as_json:
        print_json(
            {"owner": owner, "people": [{"name": one.name, "role": one.role, "since": one.since} for one in named]}
        )
        return
    table = Table()
    for column in ("name", "role", "token since"):
        table.add_column(column)
    table.add_row(f"{owner} (runs `make up`)", "editor", "the link that it prints")
    for person in named:
        table.add_row(person.name, person.role, person.since)
    out.print(table, markup=False)


def remove_person(name: str) -> None:
    """Take a person's token away.

    Raises:
        ShopsightError: no such person has one.
    """
    from orchestration.gateway.people import People

    out.print(f"{People(Settings()).remove(name)} may no longer come in", markup=False)
