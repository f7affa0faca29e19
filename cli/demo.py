"""``shopsight demo``: the whole chain on one source, from raw events to called services, in the foreground."""

import json
import os
import shlex
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from rich.rule import Rule

from cli.chain import run_with_progress, seconds_table
from cli.console import err, out
from cli.importing import land, land_generated, show_receipt
from cli.recommend import recommend_to, shopper_tables
from cli.status import collect_status, show_models
from shopsight.api_keys import ApiKeys
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES, SHOPPER, Family
from shopsight.settings import SIZES, Settings, prepare_environment

SOURCES = ("sample", "generated", "retailrocket", "completejourney")
GENERATED_EVENTS: Final = 1_000_000
"""Events of a generated log where no number is given."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request that the demo makes and prints as a ``curl`` line."""

    family: str
    url: str
    body: dict[str, Any]

    @property
    def curl(self) -> str:
        """The same request for a shell."""
        return f"curl -s {self.url} -H 'content-type: application/json' -d {shlex.quote(json.dumps(self.body))}"


def run_demo(*, source: str, data: Path | None, size: str, events: int | None, call_services: bool) -> None:
    """Import ``source``, run the chain with the approval policy on, and show what came of it.

    Raises:
        ShopsightError: the source or size is unknown, a file is missing, a generated log is refused, or a stage failed.
    """
    settings = _settings(source, data, size, events)
    if source == "generated" and events is None:
        events = GENERATED_EVENTS
    prepare_environment(settings)
    out.print(Rule(f"shopsight demo: {source}, in {settings.home}", align="left"))
    started = time.monotonic()
    receipt = land(settings, source, data) if events is None else land_generated(settings, events)
    imported = time.monotonic() - started
    show_receipt(receipt)
    result = run_with_progress(settings)
    seconds = {"import": imported, **result.seconds}
    if source != "generated":
        out.print(seconds_table(seconds))
    for check in result.failed_checks:
        out.print(f"[yellow]check says no[/] {check}")
    status = collect_status(settings)
    show_models(status["models"])
    for bento in status["bentos"]:
        out.print(f"Bento {bento['tag']}")
    approved = [family for family, model in status["models"].items() if model["champion"]]
    shopper = _shopper(source, data)
    if "recommender" in approved:
        out.print(shopper_tables(shopper, recommend_to(settings, shopper, num_results=10, explain=True), explain=True))
    calls = [first_call(settings, FAMILIES[family], shopper) for family in approved]
    if call_services:
        started = time.monotonic()
        _call_services(settings, calls)
        seconds["services"] = time.monotonic() - started
    out.print(
        "\nStart Studio and the services with [bold]make up[/]; then these work "
        f"({len(calls)} of {len(FAMILIES)} models serve):"
    )
    for call in calls:
        out.print(f"  {call.curl}", soft_wrap=True, markup=False)
    if source == "generated":
        _show_costs(seconds, receipt.received, refused=[family for family in FAMILIES if family not in approved])


def _show_costs(seconds: dict[str, float], events: int, *, refused: list[str]) -> None:
    """Print what a generated log took, and that a family which is not served is no fault of the run."""
    if refused:
        out.print(
            f"\nNot approved: {', '.join(refused)}. The events are drawn at random. Where there is nothing to learn, "
            "or too little happens, a gate refuses: that is the right answer, and no fault of the run."
        )
    out.print(seconds_table(seconds, {"import": events}))


def _settings(source: str, data: Path | None, size: str, events: int | None) -> Settings:
    if source not in SOURCES:
        raise ShopsightError(
            f"no source is called {source!r}", why="the name is unknown", fix=f"use one of: {', '.join(SOURCES)}"
        )
    if size not in SIZES:
        raise ShopsightError(
            f"no size is called {size!r}", why="the name is unknown", fix=f"use one of: {', '.join(SIZES)}"
        )
    if source == "retailrocket" and data is None:
        raise ShopsightError(
            "the source retailrocket needs its file",
            why="real behaviour is not part of the project",
            fix="name it: make demo SOURCE=retailrocket DATA=path/to/events.csv",
        )
    if source != "generated" and events is not None:
        raise ShopsightError(
            f"the source {source} takes no number of events",
            why="only a generated log has as many as you ask for",
            fix=f"make demo SOURCE=generated EVENTS={events}, or leave EVENTS out",
        )
    return Settings().model_copy(update={"approval_policy": "automatic", "sample_size": size})


def _shopper(source: str, data: Path | None) -> str:
    """Return the raw id of a shopper with a history worth reading; the event log itself knows only pseudonyms."""
    if source == "sample":
        from shopsight.sample_shop import HERO

        return HERO
    if source == "generated":
        return "u_1"
    if source == "completejourney":
        return "1"
    import duckdb

    query = "select visitorid from read_csv($1) group by 1 order by count(*) desc, 1 limit 1"
    busiest = duckdb.connect().execute(query, [str(data)]).fetchone()
    return str(busiest[0]) if busiest else "nobody"


def first_call(settings: Settings, family: Family, shopper: str) -> Call:
    """Return the family's example as a request about ``shopper``."""
    body = json.dumps(family.example).replace(json.dumps(SHOPPER), json.dumps(shopper))
    return Call(
        family=family.name,
        url=f"http://{settings.host}:{family.port(settings)}{family.route}",
        body=json.loads(body),
    )


def _call_services(settings: Settings, calls: list[Call]) -> None:
    from serving.running.fleet import ServiceFleet

    fleet = ServiceFleet(settings)
    try:
        with err.status("starting the services"):
            fleet.start(threading.Event())
        if failed := {name: state for name, state in fleet.states().items() if state.state == "failed"}:
            name, state = next(iter(failed.items()))
            raise ShopsightError(f"the service of {name} did not start", why=state.note, fix="`shopsight doctor` looks")
        with key_header(settings) as key:
            headers = {"content-type": "application/json", **key}
            for call in calls:
                request = urllib.request.Request(call.url, data=json.dumps(call.body).encode(), headers=headers)
                with urllib.request.urlopen(request, timeout=30) as response:
                    answer = json.load(response)
                out.print(f"[green]{response.status}[/] {call.url}")
                out.print(f"    {json.dumps(answer)[:300]}", soft_wrap=True, markup=False)
    finally:
        fleet.stop()


@contextmanager
def key_header(settings: Settings) -> Iterator[dict[str, str]]:
    """Yield the header of an API key for the length of the block; none where the services ask for none."""
    api_keys = ApiKeys(settings)
    if not settings.api_keys_path.exists():
        yield {}
        return
    name = f"demo-{os.getpid()}"
    key = api_keys.create(name, ["read"], lifetime=timedelta(hours=1))
    time.sleep(1)  # running services look for new keys twice a second
    try:
        yield {"x-api-key": key}
    finally:
        api_keys.revoke(name)
