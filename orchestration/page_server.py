"""A server of pages in a process of its own: started, looked after, started again where it ended, and stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from orchestration.instance import prepare_dagster_home
from shopsight.errors import ShopsightError
from shopsight.settings import REPO_ROOT, Settings

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 20.0
FIRST_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 60.0
"""Where it ends by itself, it is started again at once, then after 5, 10, 20, 40 and every 60 seconds."""
CALM_SECONDS: Final = 60.0
"""After so long without an end, the next one is a first one again."""


class UiStoppedError(ShopsightError):
    """A server of pages did not come up, or ended by itself."""


class PageServer:
    """A module that serves pages, in a session of its own."""

    def __init__(self, settings: Settings, *, name: str, module: str, port: int, log: str, open_path: str) -> None:
        """Describe it; :meth:`start` starts it.

        Args:
            settings: the home.
            name: what it is called in a sentence.
            module: what ``python -m`` runs.
            port: where it listens.
            log: the name of its log in the home.
            open_path: what it answers without a login once it is ready.
        """
        self.url = f"http://{settings.host}:{port}"
        self.log: Path = settings.home / "logs" / log
        self._name, self._module, self._ready = name, module, f"{self.url}{open_path}"
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
                [sys.executable, "-m", "shopsight.parent", "-m", self._module],
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
            if stopping.is_set() or answers(self._ready):
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
        return f"{self._name} ended with exit code {code} and was started again; its last words are in {self.log}"

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

    def _stopped(self, why: str, fix: str) -> UiStoppedError:
        return UiStoppedError(
            f"{self._name} is not running at {self.url}",
            why=f"{why}; its last words are in {self.log}",
            fix=fix,
        )


def answers(url: str) -> bool:
    """Return whether an address answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
