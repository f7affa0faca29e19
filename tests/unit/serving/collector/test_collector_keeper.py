"""The collector runs whatever is approved, is started anew when it ends, and says what keeps it from running."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.running import plain_keeper as keeping
from serving.running.fleet import ServiceFleet
from serving.running.launcher import ServerProcess, collector_process
from serving.running.plain_keeper import PlainKeeper
from serving.running.states import ServiceState
from shopsight.families import COLLECTOR, FAMILIES, SERVICES
from shopsight.settings import Settings

ANSWERING = """
import http.server, socket, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Ready, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.server_activate()
server.serve_forever()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Settings(home=tmp_path, collector_port=probe.getsockname()[1])


class TinyCollector(ServerProcess):
    """A process that only says that it is ready."""

    program = ANSWERING

    def __init__(self, settings: Settings, _: str) -> None:
        super().__init__(settings, SERVICES[COLLECTOR], name="tiny", served="", log_file=settings.home / "tiny.log")

    @property
    def hands_over(self) -> bool:
        return False

    def command(self, descriptor: int) -> list[str]:
        return [sys.executable, "-m", "shopsight.parent", "-c", self.program, str(descriptor)]


@pytest.fixture
def keeper(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlainKeeper]:
    monkeypatch.setattr(keeping, "FIRST_RETRY_SECONDS", 0.05)
    keeper = PlainKeeper(settings, COLLECTOR, process=TinyCollector)
    yield keeper
    keeper.stop()


def until(keeper: PlainKeeper, is_so: Callable[[ServiceState], bool]) -> ServiceState:
    deadline = time.monotonic() + 60
    while not is_so(keeper.state()):
        assert time.monotonic() < deadline, keeper.state()
        keeper.look()
        time.sleep(0.05)
    return keeper.state()


def test_a_collector_that_is_killed_is_started_anew(keeper: PlainKeeper) -> None:
    until(keeper, lambda state: state.state == "running")
    first = keeper._process._process.pid  # noqa: SLF001 - who is to be killed
    os.kill(first, signal.SIGKILL)
    until(keeper, lambda state: state.state != "running")
    assert "it ended by itself" in keeper.state().note
    until(keeper, lambda state: state == ServiceState("running"))


def test_a_port_that_is_taken_is_said_with_the_setting_that_moves_it(keeper: PlainKeeper, settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.collector_port))
        taken.listen()
        state = until(keeper, lambda state: state.state == "failed")
        assert "SHOPSIGHT_COLLECTOR_PORT" in state.note
    until(keeper, lambda state: state == ServiceState("running"))


def test_the_collector_is_served_from_where_shopsight_is_installed(settings: Settings) -> None:
    process = collector_process(settings)
    assert "serving.collector.service:CollectorService" in process.command(3)
    assert process.log_file.name == "shopsight_collector.log"


def test_a_fleet_that_collects_has_the_collector_beside_the_families(settings: Settings) -> None:
    assert set(ServiceFleet(settings, without_model=[COLLECTOR]).states()) == {*FAMILIES, COLLECTOR}
    assert set(ServiceFleet(settings).states()) == set(FAMILIES)
