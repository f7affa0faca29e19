"""``shopsight up``: the Dagster web UI and a service per Bento, until Ctrl-C."""

import signal
import threading
from types import FrameType

from rich.table import Table

from cli.console import err, out
from shopsight.families import FAMILIES
from shopsight.settings import Settings, prepare_environment

LOOK_SECONDS = 5.0
"""How often a newly built Bento is looked for."""


def run_up() -> None:
    """Start everything, keep services at the newest Bento, and stop it all on Ctrl-C, a termination or a hang-up.

    Raises:
        ShopsightError: it is running already, a port is taken, or the web UI ended by itself; nothing is left running.
    """
    from orchestration.gateway.people import person_at_terminal
    from orchestration.web_ui import WebUi, refuse_taken_ports, served_reports
    from serving.running.fleet import ServiceFleet
    from shopsight.ingestion.formats import FORMATS

    settings = Settings().model_copy(update={"sample_when_empty": True})
    prepare_environment(settings)
    me = person_at_terminal(settings)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    # The port of the reports is bound first: who started `up` before holds it, and then nothing is started.
    with served_reports(settings):
        refuse_taken_ports(settings)
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(end, stop)
        for name in FORMATS:
            (settings.landing_dir / name).mkdir(parents=True, exist_ok=True)
        ui, fleet = WebUi(settings), ServiceFleet(settings)
        try:
            ui.start()
            with err.status("starting the Dagster web UI and the services"):
                fleet.refresh()
                ui.wait_until_ready(stopping)
            if not stopping.is_set():
                _show_urls(settings, fleet.running())
                out.print(f"open {ui.link()} (you are {me})", soft_wrap=True, markup=False)
            while not stopping.wait(LOOK_SECONDS):
                ui.require_running()
                if fleet.refresh():
                    _show_urls(settings, fleet.running())
        finally:
            err.print("stopping …")
            fleet.stop()
            ui.stop()
            err.print("stopped")


def _show_urls(settings: Settings, running: dict[str, str]) -> None:
    table = Table(title="shopsight is up; Ctrl-C stops it", title_justify="left")
    for column in ("what", "where", "state"):
        table.add_column(column)
    table.add_row("Dagster web UI", f"http://{settings.host}:{settings.dagster_port}", "ready")
    table.add_row("reports", f"http://{settings.host}:{settings.reports_port}", "ready")
    for family in FAMILIES.values():
        state = running.get(family.name) or _why_not_served(settings, family.name)
        table.add_row(family.bento, f"http://{settings.host}:{family.port(settings)}", state)
    out.print(table)


def _why_not_served(settings: Settings, family: str) -> str:
    from models.registry.registry import ModelRegistry

    versions = ModelRegistry(settings.registry_dir).versions(family)
    if not versions:
        return "no model yet: materialise all"
    newest = versions[-1]
    if any(version.status == "champion" for version in versions):
        return "its Bento is not built yet"
    if newest.status == "candidate" and newest.eligible:
        return f"{newest.version} waits: shopsight approve {family}"
    return f"{newest.version} was refused by its gate: shopsight status says why"
