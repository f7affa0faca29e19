"""Keeps a service without a model running: nothing decides about it, and nothing takes its place."""

import time
from collections.abc import Callable

from serving.running.keeper import FIRST_RETRY_SECONDS, HUNG_SECONDS, MAX_RETRY_SECONDS, SILENT_LOOKS, sentence
from serving.running.launcher import ServerProcess, process_without_model
from serving.running.states import ServiceState
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


class PlainKeeper:
    """The process of the collector, or of the assistant. :meth:`look` does one step and never waits for a start."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        *,
        process: Callable[[Settings, str], ServerProcess] = process_without_model,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the service of a name; ``process`` makes what is run."""
        self._settings = settings
        self._name = name
        self._new_process = process
        self._seconds_now = seconds_now
        self._process: ServerProcess | None = None
        self._starting = False
        self._silent = 0
        self._failure = ""
        self._failures = 0
        self._retry_at = float("-inf")

    @property
    def starting(self) -> bool:
        """Whether the service has been started and does not answer yet."""
        return self._starting

    def state(self) -> ServiceState:
        """Return how the service is."""
        if self._process is None:
            return ServiceState("failed", self._failure) if self._failure else ServiceState("waiting")
        return ServiceState("starting" if self._starting else "running", self._failure)

    def look(self) -> None:
        """Start it where it does not run, and find out whether it answers."""
        try:
            if self._process is not None:
                self._watch(self._process)
            elif self._seconds_now() >= self._retry_at:
                process = self._new_process(self._settings, self._name)
                process.start()
                self._process, self._starting, self._silent = process, True, 0
        except (ShopsightError, OSError) as error:
            self._note_failure(error)
            self.stop()

    def leave(self) -> None:
        """Let nobody in any more; :meth:`stop` waits until who was let in is answered."""
        if self._process is not None:
            self._process.leave()

    def stop(self) -> None:
        """Stop the service; requests in flight are finished first."""
        if self._process is not None:
            self._process.stop()
            self._process, self._starting = None, False

    def _watch(self, process: ServerProcess) -> None:
        if self._starting:
            if process.has_started():
                self._starting, self._failure, self._failures = False, "", 0
            return
        if not process.running:
            raise process.ended("it ended by itself", log_lines=0)
        self._silent = 0 if process.ready() else self._silent + 1
        if self._silent > SILENT_LOOKS:
            raise process.ended("it did not answer any more", grace_seconds=HUNG_SECONDS, log_lines=0)

    def _note_failure(self, error: Exception) -> None:
        """Wait longer each time, but not after the first end of what did serve: what ended it may be over."""
        did_serve = self._process is not None and not self._starting
        self._failure = sentence(error)
        self._failures += 1
        wait = min(FIRST_RETRY_SECONDS * 2 ** (self._failures - 1), MAX_RETRY_SECONDS)
        self._retry_at = self._seconds_now() + (0.0 if did_serve and self._failures == 1 else wait)
