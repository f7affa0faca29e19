"""What ``make up`` serves for people: the Dagster web UI, Studio, and the reports that their pages link to."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from orchestration.gateway.gateway import Gateway
from orchestration.gateway.reports import reports_app
from orchestration.gateway.servers import listening, served
from orchestration.page_server import PageServer, answers
from shopsight.errors import ShopsightError
from shopsight.ports import port_settings, shared_ports, why_taken
from shopsight.settings import Settings

SERVER_INFO: Final = "/server_info"
"""The versions of Dagster: what tells `make up` that the web UI answers, without a login."""
STUDIO_READY: Final = "/livez"
"""What tells `make up` that Studio answers, without a login and without a word of the shop."""


class PortTakenError(ShopsightError):
    """Something listens already where the web UI, Studio or the reports should."""


class WebUi(PageServer):
    """``orchestration.web_server``: Dagster's web server, its daemon and the code server that they share."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings,
            name="the Dagster web UI",
            module="orchestration.web_server",
            port=settings.dagster_port,
            log="dagster.log",
            open_path=SERVER_INFO,
        )


class StudioServer(PageServer):
    """``orchestration.studio_server``: the pages for a shop's people."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings,
            name="Studio",
            module="orchestration.studio_server",
            port=settings.studio_port,
            log="studio.log",
            open_path=STUDIO_READY,
        )


@contextmanager
def served_reports(settings: Settings) -> Iterator[None]:
    """Serve the report folder behind the same login as the web UI.

    Raises:
        PortTakenError: its port is not free; nothing was started.
    """
    try:
        listener = listening(settings.host, settings.reports_port)
    except OSError as error:
        raise _taken(settings, {"SHOPSIGHT_REPORTS_PORT": str(error)}) from error
    with listener:
        settings.reports_dir.mkdir(parents=True, exist_ok=True)
        with served(Gateway(reports_app(settings.reports_dir), settings), listener, settings):
            yield


def refuse_taken_ports(settings: Settings, variables: Collection[str]) -> None:
    """Prove that servers can have their ports, before any is started.

    Args:
        settings: say the ports.
        variables: the variables that move the ports which are to be free.

    Raises:
        PortTakenError: some cannot, or two settings name one port; each is named with the setting that moves it.
    """
    if shared := shared_ports(settings):
        uses = "; ".join(f"{' and '.join(variables)} are both {port}" for port, variables in shared.items())
        raise PortTakenError("two servers cannot share a port", why=uses, fix="set one of them to another port")
    ports = {name: port for name, port in port_settings(settings).items() if name in variables}
    taken = {name: why for name, port in ports.items() if (why := why_taken(settings.host, port))}
    if taken:
        raise _taken(settings, taken)


def _taken(settings: Settings, taken: Mapping[str, str]) -> PortTakenError:
    """Return the error for ports that are taken: what the system said of each, by the setting that moves it."""
    ports = ", ".join(str(port_settings(settings)[name]) for name in taken)
    ui = f"http://{settings.host}:{settings.dagster_port}"
    if answers(f"{ui}{SERVER_INFO}"):
        return PortTakenError(
            f"already running, open {ui}",
            why=f"port {ports} is taken, and a Dagster web UI answers",
            fix=f"use that one, or stop it first; for a second one set {', '.join(taken)} and the other ports",
        )
    return PortTakenError(
        f"cannot start on port {ports}",
        why="; ".join(dict.fromkeys(taken.values())),
        fix=f"stop what listens there, or set {', '.join(taken)} to another port",
    )
