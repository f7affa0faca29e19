"""``shopsight up``: the Dagster web UI and a service per Bento, until Ctrl-C."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any

from rich.table import Table

from cli.console import err, out
from shopsight.contracts import BENTOS, MODEL_FAMILIES
from shopsight.errors import ShopsightError
from shopsight.settings import REPO_ROOT, Settings, prepare_environment

UI_START_SECONDS = 120
LOOK_SECONDS = 5.0
"""How often a newly built Bento is looked for."""


def run_up() -> None:
    """Start everything, keep services at the newest Bento, and stop it all on SIGINT or SIGTERM."""
    from serving.running.fleet import ServiceFleet
    from shopsight.ingestion.formats import FORMATS

    settings = Settings().model_copy(update={"sample_when_empty": True})
    prepare_environment(settings)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    ui = _start_ui(settings)
    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    for name in FORMATS:
        (settings.landing_dir / name).mkdir(parents=True, exist_ok=True)
    reports = _serve_reports(settings)
    fleet = ServiceFleet(settings)
    try:
        with err.status("starting the Dagster web UI and the services"):
            fleet.refresh()
            _wait_for_ui(settings, ui, stopping)
        _show_urls(settings, fleet.running())
        while not stopping.wait(LOOK_SECONDS):
            if ui.poll() is not None:
                raise ShopsightError(
                    "the Dagster web UI stopped by itself",
                    why=f"exit code {ui.returncode}; its last words are in {settings.home / 'logs' / 'dagster.log'}",
                    fix="read the log, then start `make up` again",
                )
            if fleet.refresh():
                _show_urls(settings, fleet.running())
    finally:
        err.print("stopping …")
        reports.shutdown()
        fleet.stop()
        _stop_ui(ui)
        err.print("stopped")


def _start_ui(settings: Settings) -> subprocess.Popen[bytes]:
    from orchestration.instance import prepare_dagster_home

    prepare_dagster_home(settings)
    log = settings.home / "logs" / "dagster.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-h", settings.host, "-p", str(settings.dagster_port)],
            cwd=REPO_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            # A Ctrl-C at the terminal reaches this process alone, which then stops its children in order.
            start_new_session=True,
        )


def _serve_reports(settings: Settings) -> ThreadingHTTPServer:
    """Serve the report folder: browsers open no ``file:`` link from the web UI's pages."""

    class Reports(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(settings.reports_dir))

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing: the terminal shows the table of URLs."""

    server = ThreadingHTTPServer((settings.host, settings.reports_port), Reports)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _wait_for_ui(settings: Settings, ui: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    deadline = time.monotonic() + UI_START_SECONDS
    while time.monotonic() < deadline and not stopping.is_set():
        if ui.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://{settings.host}:{settings.dagster_port}/server_info", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    if not stopping.is_set():
        raise ShopsightError(
            f"the Dagster web UI did not come up on port {settings.dagster_port}",
            why=f"its last words are in {settings.home / 'logs' / 'dagster.log'}",
            fix="read the log; where the port is taken, set SHOPSIGHT_DAGSTER_PORT",
        )


def _stop_ui(ui: subprocess.Popen[bytes]) -> None:
    """Ask Dagster to stop, then end what it started: its code servers outlive it by a minute, and a run by hours.

    A run that is cut off here is found and retried by the run monitor of the next start.
    """
    if ui.poll() is None:
        ui.send_signal(signal.SIGINT)
        try:
            ui.wait(timeout=20)
        except subprocess.TimeoutExpired:
            ui.kill()
            ui.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(ui.pid, signal.SIGTERM)


def _show_urls(settings: Settings, running: dict[str, str]) -> None:
    table = Table(title="shopsight is up; Ctrl-C stops it", title_justify="left")
    for column in ("what", "where", "state"):
        table.add_column(column)
    table.add_row("Dagster web UI", f"http://{settings.host}:{settings.dagster_port}", "ready")
    table.add_row("reports", f"http://{settings.host}:{settings.reports_port}", "ready")
    ports = {
        "intent": settings.intent_port,
        "recommender": settings.recommendation_port,
        "purchase_intent": settings.propensity_port,
        "churn": settings.churn_port,
    }
    for family in MODEL_FAMILIES:
        tag = running.get(family)
        state = tag if tag else "waits for an approved model: materialise all, then approve"
        table.add_row(BENTOS[family], f"http://{settings.host}:{ports[family]}", state)
    out.print(table)
