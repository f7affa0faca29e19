"""Starts services as child processes, and stops them: what ``make up`` shows beside Dagster."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from serving.packaging.bento import BentoRecord
from shopsight.errors import ShopsightError
from shopsight.families import COLLECTOR, SERVICES
from shopsight.ports import why_taken
from shopsight.settings import Settings, child_environment


class ServiceNotStartedError(ShopsightError):
    """A service did not come up."""


START_SECONDS: Final = 90.0
"""Longest that a service takes to start on a machine with other work to do."""
STOP_SECONDS: Final = 20.0
"""Longest that requests in flight are waited for."""
READY_SECONDS: Final = 2.0
"""Longest wait for what ``/readyz`` says."""
STARTUP_FAILED: Final = b"Application startup failed"
"""What Uvicorn logs when a service cannot start; BentoML's supervisor would try for ever."""


class ServerProcess:
    """One service, served by one worker under BentoML's supervisor."""

    def __init__(self, settings: Settings, *, name: str, served: str, port_setting: str) -> None:
        """Prepare a service.

        Args:
            settings: of its process.
            name: what it is called in messages.
            served: what BentoML is to serve: the folder of a Bento, or an import string.
            port_setting: the setting that holds its port.
        """
        self.settings = settings
        self.name = name
        self.served = served
        self.port_setting = port_setting
        self.port = int(getattr(settings, port_setting))
        self.url = f"http://{settings.host}:{self.port}"
        self.log_file: Path = settings.home / "logs" / f"{name.partition(':')[0]}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._started_at = 0.0

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The id of the supervisor's process, of a service that was started."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the service; :meth:`wait_until_ready` tells when it answers.

        Raises:
            ServiceNotStartedError: its port is taken.
        """
        if taken := why_taken(self.settings.host, self.port):
            setting = f"SHOPSIGHT_{self.port_setting.upper()}"
            raise ServiceNotStartedError(
                f"cannot serve {self.name} on {self.url}",
                why=taken,
                fix=f"stop what listens on port {self.port}, or set {setting} to another",
            )
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._started_at = time.monotonic()
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self.command(),
                cwd="/",  # nothing is found because it lies in the working folder
                # One thread: the products of one request are too small to share, and waiting workers cost more.
                env=child_environment(self.settings) | {"OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for the parent, which stops us in order
            )

    def command(self) -> list[str]:
        """Return the command that serves it, which ends with this process, whatever ends it."""
        serve = [sys.executable, "-m", "shopsight.parent", "-m", "bentoml", "serve", self.served]
        return [*serve, "--host", self.settings.host, "--port", str(self.port), "--timeout-graceful-shutdown", "10"]

    def wait_until_ready(self, *, timeout_seconds: float = START_SECONDS) -> None:
        """Return once ``/readyz`` says yes.

        Raises:
            ServiceNotStartedError: the process ended, or the time is over; the end of its log is in the error.
        """
        while not self.has_started(timeout_seconds=timeout_seconds):
            time.sleep(0.2)

    def has_started(self, *, timeout_seconds: float = START_SECONDS) -> bool:
        """Return whether the service that was started answers already.

        Raises:
            ServiceNotStartedError: it never will: the process ended, or the time is over; it is stopped, and the end of
                its log is in the error.
        """
        if not self.running:
            raise self.ended("the process ended")
        if self.ready():
            return True
        if STARTUP_FAILED in self._logged():
            raise self.ended("the service failed while it started")
        if time.monotonic() > self._started_at + timeout_seconds:
            raise self.ended(f"it was not ready after {timeout_seconds:g} seconds")
        return False

    def ready(self) -> bool:
        """Whether ``/readyz`` says yes now."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=READY_SECONDS) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, *, timeout_seconds: float = STOP_SECONDS) -> None:
        """Let requests in flight finish, then end; what does not end in time is killed with its workers."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            _kill_group(process.pid)
            process.wait()

    def _logged(self) -> bytes:
        """Return what was logged since the start."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            return log.read()

    def ended(self, why: str, *, grace_seconds: float = STOP_SECONDS, log_lines: int = 6) -> ServiceNotStartedError:
        """Stop what may be left of the service, and return the error that says so, with the last lines of its log."""
        lines = self._logged().decode(errors="replace").strip().splitlines()[-log_lines:] if log_lines else []
        self.stop(timeout_seconds=grace_seconds)
        return ServiceNotStartedError(
            f"{self.name} does not answer on {self.url}",
            why=why + "".join(f"\n    | {line}" for line in lines),
            fix=f"read {self.log_file}; `shopsight status` shows what is built",
        )


class ServiceProcess(ServerProcess):
    """One Bento."""

    def __init__(self, settings: Settings, bento: BentoRecord, *, journal_head: str = "") -> None:
        """Prepare a service; each row of its prediction log will carry ``journal_head``."""
        super().__init__(
            settings.model_copy(update={"journal_head": journal_head}),
            name=bento.tag,
            served=str(bento.path),
            port_setting=SERVICES[bento.family].port_setting,
        )
        self.bento = bento


def collector_process(settings: Settings) -> ServerProcess:
    """Return the collector, which is served from where shopsight is installed: it has no model."""
    collector = SERVICES[COLLECTOR]
    return ServerProcess(settings, name=collector.title, served=collector.service, port_setting=collector.port_setting)


def _kill_group(process_id: int) -> None:
    try:
        os.killpg(process_id, signal.SIGKILL)
    except ProcessLookupError:
        return
