"""Starting and stopping the web UI: twice, on a taken port, and without leaving anything behind."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest
from running import free_port
from typer.testing import CliRunner

from orchestration.page_server import UiStoppedError
from orchestration.web_ui import WebUi, served_reports
from shopsight.ports import port_settings
from shopsight.settings import Settings


@pytest.fixture
def ports(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    chosen = {variable.removeprefix("SHOPSIGHT_").lower(): free_port() for variable in port_settings(home)}
    for name, port in chosen.items():
        monkeypatch.setenv(f"SHOPSIGHT_{name.upper()}", str(port))
    return home.model_copy(update=chosen)


@contextmanager
def answering(port: int) -> Iterator[None]:
    """Answer as a Dagster web UI that is up already does."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def up() -> str:
    from cli.app import app

    outcome = CliRunner().invoke(app, ["up"])
    assert outcome.exit_code == 1
    return " ".join(outcome.output.split())


def test_a_second_up_says_where_the_first_one_is_and_starts_nothing(ports: Settings) -> None:
    with served_reports(ports), answering(ports.dagster_port):
        assert f"already running, open http://127.0.0.1:{ports.dagster_port}" in up()
    assert not (ports.home / "logs" / "dagster.log").exists()


def test_a_port_that_somebody_else_holds_is_named_with_the_setting_that_moves_it(ports: Settings) -> None:
    with socket.create_server(("127.0.0.1", ports.reports_port)):
        said = up()
    assert f"cannot start on port {ports.reports_port}" in said
    assert "SHOPSIGHT_REPORTS_PORT" in said
    assert not (ports.home / "logs" / "dagster.log").exists()


@pytest.mark.parametrize("variable", sorted(set(port_settings(Settings())) - {"SHOPSIGHT_REPORTS_PORT"}))
def test_where_the_port_of_any_server_is_taken_nothing_is_started_and_the_reports_are_given_up_again(
    ports: Settings, variable: str
) -> None:
    port, children = port_settings(ports)[variable], psutil.Process().children()
    with socket.create_server(("127.0.0.1", port)):
        said = up()
    assert f"cannot start on port {port}" in said
    assert variable in said
    assert not (ports.home / "logs" / "dagster.log").exists()
    assert psutil.Process().children() == children
    with served_reports(ports):
        pass  # the port is free again


def test_ports_that_are_taken_are_named_all_at_once(ports: Settings) -> None:
    with (
        socket.create_server(("127.0.0.1", ports.intent_port)),
        socket.create_server(("127.0.0.1", ports.churn_port)),
    ):
        said = up()
    assert f"cannot start on port {ports.intent_port}, {ports.churn_port}" in said
    assert "SHOPSIGHT_INTENT_PORT, SHOPSIGHT_CHURN_PORT to another port" in said


def test_two_servers_on_one_port_are_refused_by_the_names_of_their_settings(
    ports: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPSIGHT_CHURN_PORT", str(ports.intent_port))
    said = up()
    assert f"SHOPSIGHT_INTENT_PORT and SHOPSIGHT_CHURN_PORT are both {ports.intent_port}" in said
    assert not (ports.home / "logs" / "dagster.log").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do it")
@pytest.mark.parametrize("ignored", [[], ["SIGINT", "SIGTERM"]], ids=["hearing", "deaf"])
def test_a_process_ends_with_the_one_that_started_it_even_where_that_one_was_killed(ignored: list[str]) -> None:
    sleeper = "import subprocess, sys; print(subprocess.Popen({command}).pid, flush=True); import time; time.sleep(60)"
    # As Dagster leaves it where a script started `up` in the background: children inherit what is ignored.
    deaf = f"import signal; [signal.signal(getattr(signal, name), signal.SIG_IGN) for name in {ignored}]; "
    asked = ["-c", "import time; time.sleep(60)"]
    command = [sys.executable, "-m", "shopsight.parent", *asked]
    parent = subprocess.Popen([sys.executable, "-c", deaf + sleeper.format(command=command)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    while child.cmdline()[1:] != asked:  # until it has become what it was asked to run
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs([child], timeout=15)
    assert (gone, alive) == ([child], [])


@pytest.mark.slow
def test_stopping_leaves_no_process_of_the_web_ui_not_even_a_daemon(ports: Settings) -> None:
    ui = WebUi(ports)
    ui.start()
    try:
        process = web_server()
        session = os.getsid(process.pid)
        assert session == process.pid, "Ctrl-C at the terminal must not reach it before the command line stops it"
    finally:
        ui.stop()
    left = [
        one.pid for one in psutil.process_iter() if one.status() != psutil.STATUS_ZOMBIE and _session(one) == session
    ]
    psutil.wait_procs([psutil.Process(pid) for pid in left if psutil.pid_exists(pid)], timeout=15)
    assert not [pid for pid in left if psutil.pid_exists(pid)]
    with pytest.raises(UiStoppedError):
        ui.require_running()


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def test_a_web_ui_that_ends_by_itself_is_started_again_at_once_and_then_less_often(ports: Settings) -> None:
    ui = WebUi(ports)
    ui.start()
    try:
        assert ui.keep() == ""
        first = web_server()
        _end(first)
        assert "was started again" in ui.keep()
        second = web_server()
        assert second != first
        _end(second)
        assert ui.keep() == "", "it ended twice within seconds: the next start waits"
        assert web_servers() == []
    finally:
        ui.stop()


def web_servers() -> list[psutil.Process]:
    ours = psutil.Process().children()
    return [one for one in ours if one.is_running() and "orchestration.web_server" in " ".join(_command(one))]


def web_server() -> psutil.Process:
    """Return the only one; while a process becomes another program it has no command for a moment."""
    until = time.monotonic() + 15
    while not (servers := web_servers()) and time.monotonic() < until:
        time.sleep(0.01)
    (server,) = servers
    return server


def _command(process: psutil.Process) -> list[str]:
    return [] if process.status() == psutil.STATUS_ZOMBIE else list(process.cmdline())


def _end(process: psutil.Process) -> None:
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
