"""Keeps one family's service at its champion's Bento: starts it, watches it, goes back where a Bento does not start."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from serving.packaging.bento import BentoRecord, find_bento, verify_bento
from serving.packaging.journal_heads import confirm_journal
from serving.running.launcher import ServiceProcess
from serving.running.states import ServiceState
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

FIRST_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 60.0
"""A service that does not start is tried again after 5, 10, 20, 40 and then every 60 seconds."""
RETRY_BESIDE_ANOTHER_SECONDS: Final = 600.0
"""The same while the Bento before it serves, which has to stop for each trial."""
SILENT_LOOKS: Final = 20
"""Looks in a row that a service may leave unanswered before it is started anew."""
HUNG_SECONDS: Final = 2.0
"""What a service that does not answer has to end, before it is killed."""
REGISTRY_SECONDS: Final = 5.0
"""How often the registry is asked what should serve, while what serves is well."""


class ServiceKeeper:
    """One family's service. :meth:`look` does one step of what is due and never waits for a start."""

    def __init__(
        self,
        settings: Settings,
        family: str,
        *,
        process: Callable[..., ServiceProcess] = ServiceProcess,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare it; ``process`` makes what serves a Bento."""
        self._settings = settings
        self._family = family
        self._registry = ModelRegistry.of(settings)
        self._new_process = process
        self._seconds_now = seconds_now
        self._process: ServiceProcess | None = None
        self._starting = False
        self._silent = 0
        self._looked_at = float("-inf")
        self._proved: tuple[BentoRecord, ModelVersion] | None = None
        """What answered last."""
        self._trial: tuple[BentoRecord, ModelVersion] | None = None
        self._failed_tag = ""
        self._failure = ""
        self._failures = 0
        self._retry_at = float("-inf")
        self._amiss = ""
        self._waits_for = ""

    @property
    def starting(self) -> bool:
        """Whether the service has been started and does not answer yet."""
        return self._starting

    def state(self) -> ServiceState:
        """Return how the service is."""
        note = "; ".join(text for text in (self._failure, self._amiss) if text)
        if self._process is None:
            return ServiceState("failed", note) if note else ServiceState("waiting", self._waits_for)
        return ServiceState("starting" if self._starting else "running", note, self._process.bento.tag)

    def look(self) -> None:
        """See to it that what should serve does: one step, now and then with a look into the registry."""
        well = self._watch()
        now = self._seconds_now()
        if self._starting or (well and now < self._looked_at + REGISTRY_SECONDS):
            return
        self._looked_at = now
        self._amiss = self._waits_for = ""
        wanted = self._wanted()
        if wanted is None or wanted[0].tag != self._failed_tag:
            self._failed_tag, self._failure, self._failures = "", "", 0
        elif now < self._retry_at:
            wanted = self._proved if self._proved and self._proved[0].tag != self._failed_tag else None
        present = self._process.bento.tag if self._process else None
        if wanted is not None and wanted[0].tag != present:
            self._start(*wanted)

    def stop(self) -> None:
        """Stop the service; requests in flight are finished first."""
        if self._process is not None:
            self._process.stop()
            self._process, self._starting = None, False

    def _wanted(self) -> tuple[BentoRecord, ModelVersion] | None:
        """Return the champion's Bento; what was proved serves on where the registry cannot say what should."""
        try:
            champion = self._registry.champion(self._family, verified=False)
            bento = None if champion is None else find_bento(self._settings, champion)
        except (ShopsightError, OSError) as error:
            self._amiss = sentence(error)
            return self._proved
        if champion is None or bento is None:
            self._waits_for = why_waiting(self._registry.versions(self._family), champion)
            return None
        try:
            champion.verify()
        except (ShopsightError, OSError) as error:
            self._amiss = sentence(error)  # the Bento has a copy of its own, which is proved by itself
        return bento, champion

    def _watch(self) -> bool:
        """Find out whether what was started answers; return whether it does."""
        if self._process is None:
            return False
        try:
            if self._starting:
                if self._process.has_started():
                    self._started()
                return False
            if not self._process.running:
                raise self._process.ended("it ended by itself", log_lines=0)
            self._silent = 0 if self._process.ready() else self._silent + 1
            if self._silent > SILENT_LOOKS:
                raise self._process.ended("it did not answer any more", grace_seconds=HUNG_SECONDS, log_lines=0)
        except ShopsightError as error:
            self._note_failure(self._process.bento, error)
            self.stop()
            return False
        return self._silent == 0

    def _start(self, bento: BentoRecord, version: ModelVersion) -> None:
        """Start a Bento in the place of what runs, once it is proved to be what was approved."""
        try:
            verify_bento(bento, version)
            confirm_journal(self._settings, self._family)
            self.stop()
            process = self._new_process(self._settings, bento, journal_head=str(self._registry.head()))
            process.start()
        except (ShopsightError, OSError) as error:
            self._note_failure(bento, error)
            return
        self._process, self._starting, self._silent, self._trial = process, True, 0, (bento, version)

    def _started(self) -> None:
        self._starting, self._proved = False, self._trial
        if self._process is not None and self._process.bento.tag == self._failed_tag:
            self._failed_tag, self._failure, self._failures = "", "", 0

    def _note_failure(self, bento: BentoRecord, error: Exception) -> None:
        self._failures = self._failures + 1 if bento.tag == self._failed_tag else 1
        self._failed_tag, self._failure = bento.tag, sentence(error)
        wait = min(FIRST_RETRY_SECONDS * 2 ** (self._failures - 1), MAX_RETRY_SECONDS)
        if self._proved is not None and self._proved[0].tag == bento.tag and self._failures == 1:
            wait = 0.0  # it did serve: what ended it may be over
        elif self._proved is not None and self._proved[0].tag != bento.tag:
            wait = RETRY_BESIDE_ANOTHER_SECONDS
        self._retry_at = self._seconds_now() + wait


def why_waiting(versions: Sequence[ModelVersion], champion: ModelVersion | None) -> str:
    """Return what a family without a Bento to serve waits for, and what its gate said of the newest version."""
    if champion is not None:
        return f"the Bento of {champion.version} is not built yet: materialise {champion.family}_bento"
    if not versions:
        return "no model yet: `shopsight run`, or materialise all"
    newest = versions[-1]
    if newest.status == "candidate" and newest.eligible:
        return f"{newest.version} waits: `shopsight approve {newest.family}`"
    if newest.eligible is None:
        return f"{newest.version} was not judged by its gate yet"
    verdict = "was rejected" if newest.status == "rejected" else "was refused by its gate"
    return f"{newest.version} {verdict}: {'; '.join(newest.reasons) or 'see its evaluation'}"


def sentence(error: Exception) -> str:
    """Return what went wrong, why and what mends it, on one line."""
    if not isinstance(error, ShopsightError):
        return f"{type(error).__name__}: {error}"
    parts = [error.what.rstrip("."), *(text for text in (error.why, error.fix) if text)]
    return " / ".join(" ".join(part.split()) for part in parts)
