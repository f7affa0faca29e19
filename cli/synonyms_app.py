"""``shopsight synonyms``: the shop's words for the same thing, checked, and proposed from its own searches."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.console import AsJson, explained, out, print_json
from shopsight.settings import Settings

synonyms_app = typer.Typer(help="Words for the same thing in searches: check, propose.", no_args_is_help=True)


@synonyms_app.command(name="check")
def synonyms_check(
    file: Annotated[Path, typer.Argument(help="A YAML file of synonyms.")], as_json: AsJson = False
) -> None:
    """Say whether a file of synonyms is valid; every wrong line is named."""
    with explained():
        from serving.search.synonyms_file import read_synonyms

        groups = len(read_synonyms(file).groups)
        if as_json:
            print_json({"valid": True, "groups": groups})
            return
        out.print(
            f"{file}: valid, {groups} groups. Copied to {Settings().synonyms_path} it is in force within seconds."
        )


@synonyms_app.command(name="propose")
def synonyms_propose(
    min_sessions: Annotated[int, typer.Option(min=1, help="Sessions that must say so.")] = 3,
    min_share: Annotated[float, typer.Option(min=0, max=1, help="Of the sessions that replaced the phrase.")] = 0.3,
    as_json: AsJson = False,
) -> None:
    """Propose words that shoppers searched for in vain, with those that they clicked under a moment later."""
    with explained():
        from models.search.synonym_proposals import propose_synonyms
        from models.search.synonyms import NO_SYNONYMS
        from serving.search.synonyms_file import read_synonyms
        from shopsight.marts import read_mart

        settings = Settings()
        path = settings.synonyms_path
        synonyms = read_synonyms(path) if path.exists() else NO_SYNONYMS
        searches = read_mart(settings, "search_clicks")
        proposals = propose_synonyms(searches, synonyms, min_sessions=min_sessions, min_share=min_share)
        if as_json:
            print_json({"searches": searches.num_rows, "proposals": [asdict(one) for one in proposals]})
            return
        if not proposals:
            out.print(
                f"Nothing to propose: in {searches.num_rows:,} searches no phrase was replaced by another often enough."
            )
            return
        table = Table(title="Searched for in vain, then clicked under another name", title_justify="left")
        for heading in ("phrase", "instead", "sessions", "share", "for example"):
            table.add_column(heading)
        for one in proposals:
            table.add_row(one.phrase, one.instead, str(one.sessions), f"{one.share:.0%}", " → ".join(one.example))
        out.print(table)
        out.print(f"Where they mean the same, write them as a group to {path}, for example:")
        out.print(f"  - [{proposals[0].phrase}, {proposals[0].instead}]", markup=False)
