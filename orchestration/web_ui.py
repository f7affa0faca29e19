"""The Dagster web UI of a home, and the reports that its pages link to, as long as somebody wants them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from orchestration.gateway.gateway import Gateway
from orchestration.gateway.people import People, link_to
from orchestration.gateway.reports import reports_app
from orchestration.gateway.servers import listening, served
from orchestration.instance import prepare_dagster_home
from shopsight.errors import ShopsightError
from shopsight.ports import port_settings, shared_ports, why_taken
from shopsight.settings import REPO_ROOT, Settings

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 20.0
FIRST_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 60.0
"""Where it ends by itself, it is started again at once, then after 5, 10, 20, 40 and every 60 seconds."""
CALM_SECONDS: Final = 60.0
"""After so long without an end, the next one is a first one again."""


class PortTakenError(ShopsightError):
    """Something listens already where the web UI or the reports should."""


class UiStoppedError(ShopsightError):
    """The web UI did not come up, or ended by itself."""


class WebUi:
    """``orchestration.web_server`` in a session of its own: web server, daemon and the code server that they share."""

    def __init__(self, settings: Settings) -> None:
        self.url = f"http://{settings.host}:{settings.dagster_port}"
        self.log: Path = settings.home / "logs" / "dagster.log"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._retry_at = float("-inf")

    def start(self) -> None:
        """Start it; :meth:`wait_until_ready` tells when it answers."""
        settings = self._settings
        prepare_dagster_home(settings)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shopsight.parent", "-m", "orchestration.web_server"],
                cwd=REPO_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                # A Ctrl-C at the terminal reaches the command line alone, which then stops its children in order.
                start_new_session=True,
            )

    def wait_until_ready(self, stopping: threading.Event) -> None:
        """Return once it answers, or once ``stopping`` is set.

        Raises:
            UiStoppedError: it ended, or did not answer in time.
        """
        for _ in range(int(START_SECONDS / 0.5)):
            if stopping.is_set() or _answers(self.url):
                return
            self.require_running()
            stopping.wait(0.5)
        raise self._stopped("it did not answer in time", "read the log, then start `make up` again")

    def require_running(self) -> None:
        """Prove that it has not ended by itself.

        Raises:
            UiStoppedError: it has.
        """
        if self._process is None or self._process.poll() is not None:
            code = None if self._process is None else self._process.returncode
            raise self._stopped(f"it ended by itself with exit code {code}", "read the log, then start `make up` again")

    def keep(self) -> str:
        """Start it anew where it ended by itself, less and less often; return what there is to say, mostly nothing."""
        now = time.monotonic()
        if self._process is None or self._process.poll() is None:
            if now > self._retry_at + CALM_SECONDS:
                self._restarts = 0
            return ""
        if now < self._retry_at:
            return ""
        code = self._process.returncode
        self.stop()  # what it started may live on
        self._restarts += 1
        self._retry_at = now + min(FIRST_RETRY_SECONDS * 2 ** (self._restarts - 1), MAX_RETRY_SECONDS)
        self.start()
        return f"the Dagster web UI ended with exit code {code} and was started again; its last words are in {self.log}"

    def stop(self) -> None:
        """Ask Dagster to stop, then end what it started: its code servers outlive it by a minute, and a run by hours.

        A run that is cut off here is found and retried by the run monitor of the next start.
        """
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)

    def link(self) -> str:
        """Return the address that opens it and logs in who runs ``make up``."""
        return link_to(self._settings, People(self._settings).own_token())

    def _stopped(self, why: str, fix: str) -> UiStoppedError:
        return UiStoppedError(
            f"the Dagster web UI is not running at {self.url}",
            why=f"{why}; its last words are in {self.log}",
            fix=fix,
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
    if _answers(ui):
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


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
