"""``shopsight up``: Studio, Dagster's web UI, the collector and a service per Bento, until Ctrl-C; or some of these."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Final

from cli.log_tail import LogTail
from cli.triggers import fired
from cli.up_words import UpWords, told_to_programs, words_for
from shopsight.api_keys import require_keys
from shopsight.errors import ShopsightError
from shopsight.families import COLLECTOR, FAMILIES, SERVICES, WITHOUT_MODEL
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from orchestration.page_server import PageServer
    from serving.running.fleet import ServiceFleet
    from serving.running.states import ServiceState

DAGSTER: Final = "dagster"
"""The web UI with its daemon and its runs, Studio, and the reports."""
PARTS: Final = (DAGSTER, *SERVICES)
"""What `up` starts, by the names of ``--only``."""
LOOK_SECONDS = 1.0
"""How often the services are looked after."""


class UnknownPartError(ShopsightError):
    """``--only`` names nothing that `up` starts."""


def run_up(only: Sequence[str] = (), *, logs: bool = False) -> None:
    """Start everything, keep services at the newest Bento, and stop it all on Ctrl-C, a termination or a hang-up.

    Args:
        only: the parts to start, of :data:`PARTS`; none: all of them.
        logs: print what the parts log, too.

    Raises:
        ShopsightError: it is running already, a port is taken, the services lack the API keys that they need, the web
            UI ended by itself, or a part has no such name; nothing is left running.
    """
    settings = Settings()
    if not only:  # somebody tries it; what is deployed part by part is somebody's shop
        settings = settings.model_copy(update={"sample_when_empty": True})
    with told_to_programs(settings):
        _run(settings, _parts(only), logs=logs)


def _run(settings: Settings, parts: Sequence[str], *, logs: bool) -> None:
    from serving.running.fleet import ServiceFleet
    from serving.running.states import the_only_up

    prepare_environment(settings)
    words = words_for(settings, are_kept=logs)
    require_keys(settings)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    # Triggers follow the journal where its collector runs; a stream has many collectors, and one Dagster.
    triggers = fired(settings) if (DAGSTER if settings.event_stream else COLLECTOR) in parts else nullcontext()
    with the_only_up(settings), _page_servers(settings, parts) as pages, triggers:
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(end, stop)
        families = [name for name in parts if name in FAMILIES]
        plain = [name for name in parts if name in WITHOUT_MODEL]
        fleet = ServiceFleet(settings, families=families, without_model=plain)
        tail = LogTail(settings.home / "logs") if logs else None
        try:
            _keep(settings, fleet, pages, words, tail, stopping)
        finally:
            words.ending("stopping …")
            fleet.stop()
            for server in pages:
                server.stop()
            if tail is not None:
                tail.print_news()
            words.ending("stopped")


def _keep(
    settings: Settings,
    fleet: "ServiceFleet",
    pages: "Sequence[PageServer]",
    words: UpWords,
    tail: LogTail | None,
    stopping: threading.Event,
) -> None:
    """Start the parts, say where they are, and look after them until ``stopping`` is set."""
    from orchestration.gateway.people import People, link_to, person_at_terminal
    from serving.running.fleet import START_LOOK_SECONDS
    from serving.running.states import ServiceState

    said: dict[str, ServiceState] = {}
    for server in pages:
        server.start()
    with words.starting():
        fleet.start(stopping, tend=lambda: _tend(settings, fleet, said))
        for server in pages:
            server.wait_until_ready(stopping)
    if not stopping.is_set():
        link = link_to(settings, People(settings).own_token()) if pages else None
        words.is_up(fleet.states(), link=link, me=person_at_terminal(settings))
    while not stopping.wait(START_LOOK_SECONDS if fleet.starting() else LOOK_SECONDS):
        for restarted in filter(None, (server.keep() for server in pages)):
            words.warn(restarted)
        for name, state in _tend(settings, fleet, said).items():
            words.changed(name, state)
        if tail is not None:
            tail.print_news()


def _parts(only: Sequence[str]) -> tuple[str, ...]:
    if unknown := sorted(set(only) - set(PARTS)):
        raise UnknownPartError(
            f"nothing is called {', '.join(unknown)}",
            why=f"the parts are: {', '.join(PARTS)}",
            fix="name one of them after --only, or leave it out to start all",
        )
    return tuple(part for part in PARTS if part in only or not only)


@contextmanager
def _page_servers(settings: Settings, parts: Sequence[str]) -> "Iterator[Sequence[PageServer]]":
    """Serve the reports and yield the web UI and Studio, to be started, once every part's port is free.

    Without it Dagster is not imported, and a service whose port is taken says so and tries again.
    """
    if DAGSTER not in parts:
        yield ()
        return
    from orchestration.gateway.people import person_at_terminal
    from orchestration.instance import require_database
    from orchestration.web_ui import StudioServer, WebUi, refuse_taken_ports, served_reports
    from shopsight.ingestion.formats import FORMATS

    person_at_terminal(settings)
    require_database(settings)
    with served_reports(settings):
        ports = ["dagster_port", "studio_port", *(SERVICES[part].port_setting for part in parts if part in SERVICES)]
        refuse_taken_ports(settings, {f"SHOPSIGHT_{port.upper()}" for port in ports})
        for name in FORMATS:
            (settings.landing_dir / name).mkdir(parents=True, exist_ok=True)
        yield WebUi(settings), StudioServer(settings)


def _tend(settings: Settings, fleet: "ServiceFleet", said: "dict[str, ServiceState]") -> "dict[str, ServiceState]":
    """Look after the services once, and return those whose state is another than was ``said``, which takes it in."""
    from serving.running.states import ServiceState, write_states

    fleet.refresh()
    states = fleet.states()
    news = {name: state for name, state in states.items() if said.get(name) != state}
    if news or not said:
        elsewhere = ServiceState("stopped", "the `up` of this home was not asked for it")
        everything = {**dict.fromkeys(SERVICES, elsewhere), **states}
        try:
            write_states(settings, everything)
        except OSError:  # a full disk: said once it has room again
            return {}
        said.update(everything)
    return news
