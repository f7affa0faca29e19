"""Starts services as child processes, and stops them: what ``make up`` shows beside Dagster."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from serving.http.handover import LINE, LISTEN, READY, REST
from serving.packaging.bento import BentoRecord
from shopsight.errors import ShopsightError
from shopsight.families import COLLECTOR, SERVICES, Service
from shopsight.settings import Settings, child_environment


class ServiceNotStartedError(ShopsightError):
    """A service did not come up."""


START_SECONDS: Final = 90.0
"""Longest that a service takes to start on a machine with other work to do."""
STOP_SECONDS: Final = 20.0
"""Longest that requests in flight are waited for."""
HURRY_SECONDS: Final = 2.0
"""How long a service that must end waits for connections that are open and ask nothing."""
READY_SECONDS: Final = 2.0
"""Longest wait for what ``/readyz`` says."""


def open_port(settings: Settings, service: Service) -> socket.socket:
    """Return a socket that is bound to the service's port; it refuses whoever comes until one listens on it.

    Raises:
        ServiceNotStartedError: the port is taken.
    """
    port = int(getattr(settings, service.port_setting))
    bound = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, port))
    except OSError as error:
        bound.close()
        raise ServiceNotStartedError(
            f"cannot serve {service.title} on http://{settings.host}:{port}",
            why=str(error),
            fix=f"stop what listens on port {port}, or set SHOPSIGHT_{service.port_setting.upper()} to another",
        ) from error
    return bound


class ServerProcess:
    """One service, served by one worker of BentoML's on a socket that it is given.

    BentoML's own supervisor is left out: it opens the port itself, so that no second process can take it over.
    """

    def __init__(self, settings: Settings, service: Service, *, name: str, served: str, log_file: Path) -> None:
        """Prepare a service.

        Args:
            settings: of its process.
            service: which one it is.
            name: what it is called in messages.
            served: what BentoML is to serve: the folder of a Bento, or an import string.
            log_file: where it logs.
        """
        self.settings = settings
        self.service = service
        self.name = name
        self.served = served
        self.log_file = log_file
        self.url = f"http://{settings.host}:{getattr(settings, service.port_setting)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._metrics = ""
        self._line: socket.socket | None = None
        self._log_start = 0
        self._started_at = 0.0
        self._leaving_at = 0.0

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The id of the process, of a service that was started."""
        assert self._process is not None
        return self._process.pid

    @property
    def hands_over(self) -> bool:
        """Whether its code can share its port with another process."""
        return True

    @property
    def leaving_seconds(self) -> float:
        """How long ago it was told to go."""
        return time.monotonic() - self._leaving_at

    def start(self, port: socket.socket | None = None) -> None:
        """Start the service; :meth:`wait_until_ready` tells when it answers.

        Args:
            port: a bound socket that the caller keeps open; None: the service alone has its port.

        Raises:
            ServiceNotStartedError: its port is taken.
        """
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        metrics = self.settings.run_dir / "metrics"
        metrics.mkdir(parents=True, exist_ok=True)
        given = port or open_port(self.settings, self.service)
        self._metrics = tempfile.mkdtemp(prefix=f"{self.service.title}-", dir=metrics)
        self._started_at = time.monotonic()
        self._line, other_end = socket.socketpair()
        self._line.setblocking(False)
        try:
            with self.log_file.open("ab") as log:
                self._log_start = log.tell()
                self._process = subprocess.Popen(
                    self.command(given.fileno()),
                    cwd="/",  # nothing is found because it lies in the working folder
                    env=self._environment(other_end),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(given.fileno(), other_end.fileno()),
                    start_new_session=True,  # a Ctrl-C in the terminal is for the parent, which stops us in order
                )
        finally:
            other_end.close()
            if port is None:
                given.close()

    def command(self, descriptor: int) -> list[str]:
        """Return the command that serves it on a socket, and ends with this process, whatever ends it."""
        worker = ["-m", "_bentoml_impl.worker.service", self.served, "--fd", str(descriptor)]
        options = ["--service-name", self.service.title, "--worker-id", "1", "--timeout-graceful-shutdown", "10"]
        return [sys.executable, "-m", "shopsight.parent", *worker, *options]

    def _environment(self, line: socket.socket) -> dict[str, str]:
        return {
            # Four spans a request, 1 ms, that nothing collects.
            "OTEL_SDK_DISABLED": "true",
            **child_environment(self.settings),
            # One thread: the products of one request are too small to share, and waiting workers cost more.
            "OPENBLAS_NUM_THREADS": "1",
            "PROMETHEUS_MULTIPROC_DIR": self._metrics,
            LINE: str(line.fileno()),
        }

    def wait_until_ready(self, *, timeout_seconds: float = START_SECONDS) -> None:
        """Return once the service has warmed up and listens.

        Raises:
            ServiceNotStartedError: the process ended, or the time is over; the end of its log is in the error.
        """
        while not self.has_started(timeout_seconds=timeout_seconds):
            time.sleep(0.2)

    def has_started(self, *, timeout_seconds: float = START_SECONDS) -> bool:
        """Return whether the service that was started listens already, which it does once it has warmed up.

        Raises:
            ServiceNotStartedError: it never will: the process ended, or the time is over; it is stopped, and the end of
                its log is in the error.
        """
        if not self.running:
            raise self.ended("the process ended")
        if self._says_ready():
            return True
        if time.monotonic() > self._started_at + timeout_seconds:
            raise self.ended(f"it was not ready after {timeout_seconds:g} seconds")
        return False

    def _says_ready(self) -> bool:
        if not self.hands_over:
            return self.ready()
        assert self._line is not None
        try:
            return self._line.recv(1) == READY
        except BlockingIOError:
            return False

    def ready(self) -> bool:
        """Whether ``/readyz`` says yes now; while two processes share the port, either may say it."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=READY_SECONDS) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def rest(self) -> None:
        """Have the service let nobody in any more; :meth:`listen` has it back at once, its model loaded and warm."""
        assert self._line is not None
        self._line.send(REST)

    def listen(self) -> None:
        """Have a service that rests listen again; :meth:`has_started` tells when it does.

        Raises:
            OSError: it has ended meanwhile.
        """
        assert self._line is not None
        self._started_at = time.monotonic()
        self._line.send(LISTEN)

    def leave(self) -> None:
        """Tell the service to answer whoever reached it and then to end; return at once."""
        if self._process is not None and not self._leaving_at:
            self._leaving_at = time.monotonic()
            self._process.send_signal(signal.SIGTERM)

    def stop(self, *, timeout_seconds: float = STOP_SECONDS) -> None:
        """Let requests in flight finish, then end; what does not end in time is killed."""
        self.leave()
        process, self._process = self._process, None
        if process is None:
            return
        hurry = min(timeout_seconds, max(HURRY_SECONDS - self.leaving_seconds, 0.0))
        for seconds in (hurry, timeout_seconds - hurry):
            try:
                process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGTERM)
        else:
            _kill_group(process.pid)
            process.wait()
        if self._line is not None:
            self._line.close()
        shutil.rmtree(self._metrics, ignore_errors=True)

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
        name, _, version = bento.tag.partition(":")
        super().__init__(
            settings.model_copy(update={"journal_head": journal_head}),
            SERVICES[bento.family],
            name=bento.tag,
            served=str(bento.path),
            # One file a Bento: beside a service that fails while it starts, the one before it goes on to write.
            log_file=settings.home / "logs" / name / f"{version}.log",
        )
        self.bento = bento

    @property
    def hands_over(self) -> bool:
        """Whether the Bento's code can share its port with another process; that of version 0.2 and before cannot."""
        return (self.bento.path / "src" / "serving" / "http" / "handover.py").exists()

    @property
    def splits(self) -> bool:
        """Whether the Bento's code can hand requests over to a version under release."""
        return (self.bento.path / "src" / "serving" / "releases" / "splitter.py").exists()


def process_without_model(settings: Settings, name: str) -> ServerProcess:
    """Return a service that is served from where shopsight is installed: it has no model."""
    service = SERVICES[name]
    log_file = settings.home / "logs" / f"{service.title}.log"
    return ServerProcess(settings, service, name=service.title, served=service.service, log_file=log_file)


def collector_process(settings: Settings) -> ServerProcess:
    """Return the collector."""
    return process_without_model(settings, COLLECTOR)


def _kill_group(process_id: int) -> None:
    try:
        os.killpg(process_id, signal.SIGKILL)
    except ProcessLookupError:
        return
