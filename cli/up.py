"""``shopsight up``: the Dagster web UI, the collector and a service per Bento, until Ctrl-C."""

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING

from cli.up_words import told_to_programs, words_for
from shopsight.api_keys import require_keys
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from serving.running.fleet import ServiceFleet
    from serving.running.states import ServiceState

LOOK_SECONDS = 1.0
"""How often the services are looked after."""


def run_up() -> None:
    """Start everything, keep services at the newest Bento, and stop it all on Ctrl-C, a termination or a hang-up.

    Raises:
        ShopsightError: it is running already, a port is taken, the services lack the API keys that they need, or the
            web UI ended by itself; nothing is left running.
    """
    settings = Settings().model_copy(update={"sample_when_empty": True})
    with told_to_programs(settings):
        _run(settings)


def _run(settings: Settings) -> None:
    from orchestration.gateway.people import person_at_terminal
    from orchestration.web_ui import WebUi, refuse_taken_ports, served_reports
    from serving.running.fleet import START_LOOK_SECONDS, ServiceFleet
    from serving.running.states import ServiceState, the_only_up
    from shopsight.ingestion.formats import FORMATS

    prepare_environment(settings)
    words = words_for(settings)
    require_keys(settings)
    me = person_at_terminal(settings)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    with the_only_up(settings), served_reports(settings):
        refuse_taken_ports(settings)
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(end, stop)
        for name in FORMATS:
            (settings.landing_dir / name).mkdir(parents=True, exist_ok=True)
        ui, fleet, said = WebUi(settings), ServiceFleet(settings, collects=True), dict[str, ServiceState]()
        try:
            ui.start()
            with words.starting():
                fleet.start(stopping, tend=lambda: _tend(settings, fleet, said))
                ui.wait_until_ready(stopping)
            if not stopping.is_set():
                words.is_up(fleet.states(), link=ui.link(), me=me)
            while not stopping.wait(START_LOOK_SECONDS if fleet.starting() else LOOK_SECONDS):
                if restarted := ui.keep():
                    words.warn(restarted)
                for name, state in _tend(settings, fleet, said).items():
                    words.changed(name, state)
        finally:
            words.ending("stopping …")
            fleet.stop()
            ui.stop()
            words.ending("stopped")


def _tend(settings: Settings, fleet: "ServiceFleet", said: "dict[str, ServiceState]") -> "dict[str, ServiceState]":
    """Look after the services once, and return those whose state is another than was ``said``, which takes it in."""
    from serving.running.states import write_states

    fleet.refresh()
    news = {name: state for name, state in fleet.states().items() if said.get(name) != state}
    if news:
        try:
            write_states(settings, fleet.states())
        except OSError:  # a full disk: said once it has room again
            return {}
        said.update(news)
    return news
