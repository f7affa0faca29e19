"""Keeps one family's service at its champion's Bento: starts it, watches it, goes back where a Bento does not start."""

import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from serving.packaging.bento import BentoRecord, find_bento, verify_bento
from serving.packaging.journal_heads import confirm_journal
from serving.packaging.signing import trusted_key
from serving.running.launcher import ServiceProcess, open_port
from serving.running.states import ServiceState
from shopsight.errors import ShopsightError
from shopsight.families import SERVICES
from shopsight.settings import Settings

FIRST_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 60.0
"""A service that does not start is tried again after 5, 10, 20, 40 and then every 60 seconds."""
MAX_RETRY_BESIDE_SECONDS: Final = 600.0
"""The same while the Bento before it serves, which each trial takes processor and memory from."""
SILENT_LOOKS: Final = 20
"""Looks in a row that a service may leave unanswered before it is started anew."""
HUNG_SECONDS: Final = 2.0
"""What a service that does not answer has to end, before it is killed."""
LEAVE_SECONDS: Final = 30.0
"""What a service that another one has taken over from has to answer those who reached it, before it is killed."""
RESERVE_SECONDS: Final = 600.0
"""How long the model before the champion stays loaded: a rollback that comes soon after has it back at once."""
REGISTRY_SECONDS: Final = 5.0
"""How often the registry is asked what should serve, while what serves is well and nothing was decided."""


class ServiceKeeper:
    """One family's service. :meth:`look` does one step of what is due and never waits for a start.

    It keeps the family's port, and one process serves there. Another Bento starts beside it on the same port, and the
    one before it is told to rest once the other has warmed up and listens: at every moment somebody does.
    """

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
        self._port: socket.socket | None = None
        self._process: ServiceProcess | None = None
        """What serves."""
        self._next: ServiceProcess | None = None
        """What starts, in its place or where nothing serves."""
        self._reserve: ServiceProcess | None = None
        """What served before, which rests."""
        self.keeps_reserve = False
        """Whether what rests is kept for longer: what serves took its place by a release that is still watched."""
        self._rests_since = float("-inf")
        self._leaving: list[ServiceProcess] = []
        """What was told to end, and still answers those who reached it."""
        self._silent = 0
        self._looked_at = float("-inf")
        self._decisions: tuple[int, int] | None = None
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
        """Whether a service has been started and does not answer yet."""
        return self._next is not None

    @property
    def failed_tag(self) -> str:
        """Tag of the Bento that ended by itself, or did not start, where one did and is not well again."""
        return self._failed_tag

    @property
    def splits(self) -> bool:
        """Whether the code of what serves can hand requests over to a version under release."""
        return self._process is not None and self._process.splits

    def state(self) -> ServiceState:
        """Return how the service is."""
        note = "; ".join(text for text in (self._failure, self._amiss) if text)
        if self._process is not None:
            return ServiceState("running", note, self._process.bento.tag)
        if self._next is not None:
            return ServiceState("starting", note, self._next.bento.tag)
        return ServiceState("failed", note) if note else ServiceState("waiting", self._waits_for)

    def look(self) -> None:
        """See to it that what should serve does: one step, now and then with a look into the registry."""
        is_well = self._watch()
        self._watch_next()
        self._watch_leaving()
        if self.keeps_reserve and not self.starting and self._process is None:
            return  # it is about to be decided that what rests serves again; to start anything else would cost it
        now = self._seconds_now()
        decided = self._decided()
        if (is_well or self._next) and not decided and now < self._looked_at + REGISTRY_SECONDS:
            return
        self._looked_at = now
        self._amiss = self._waits_for = ""
        wanted = self._wanted()
        if wanted is None or wanted[0].tag != self._failed_tag:
            self._failed_tag, self._failure, self._failures = "", "", 0
        elif now < self._retry_at:
            wanted = self._proved if self._proved and self._proved[0].tag != self._failed_tag else None
        if wanted is not None:
            self._turn_to(*wanted)
        if self._process is None and self._next is None:
            self._close_port()  # whoever comes is refused, not kept waiting

    def leave(self) -> None:
        """Let nobody in any more; :meth:`stop` waits until who was let in is answered."""
        self._close_port()
        for process in self._processes():
            process.leave()

    def stop(self) -> None:
        """Stop the service; requests in flight are finished first."""
        self.leave()
        for process in self._processes():
            process.stop()
        self._process, self._next, self._reserve, self._leaving = None, None, None, []

    def _processes(self) -> list[ServiceProcess]:
        processes = (self._next, self._process, self._reserve, *self._leaving)
        return [process for process in processes if process is not None]

    def _decided(self) -> bool:
        """Return whether the registry's journal has changed since the last look: who decides waits for it."""
        try:
            status = (self._settings.registry_dir / "journal.jsonl").stat()
        except OSError:
            return False
        before, self._decisions = self._decisions, (status.st_size, status.st_mtime_ns)
        return before != self._decisions

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
        """Find out whether what serves answers; return whether it does."""
        if self._process is None:
            return False
        try:
            if not self._process.running:
                raise self._process.ended("it ended by itself", log_lines=0)
            self._silent = 0 if self._process.ready() else self._silent + 1
            if self._silent > SILENT_LOOKS:
                raise self._process.ended("it did not answer any more", grace_seconds=HUNG_SECONDS, log_lines=0)
        except ShopsightError as error:
            self._note_failure(self._process.bento, error)
            self._give_up(self._process)
            return False
        return self._silent == 0

    def _watch_next(self) -> None:
        """Find out whether what starts has warmed up and listens; if so, what served before it goes."""
        if self._next is None:
            return
        try:
            if not self._next.has_started():
                return
        except ShopsightError as error:
            self._note_failure(self._next.bento, error)
            self._give_up(self._next)
            return
        if self._process is not None:
            self._rest(self._process)
        self._process, self._next, self._silent, self._proved = self._next, None, 0, self._trial
        if self._process.bento.tag == self._failed_tag:
            self._failed_tag, self._failure, self._failures = "", "", 0

    def _watch_leaving(self) -> None:
        """Be done with what has ended, or should have long ago."""
        is_over = not self.keeps_reserve and self._seconds_now() > self._rests_since + RESERVE_SECONDS
        if self._reserve is not None and is_over:
            self._let_go(self._reserve)
            self._reserve = None
        for process in list(self._leaving):
            if not process.running or process.leaving_seconds > LEAVE_SECONDS:
                process.stop(timeout_seconds=HUNG_SECONDS)
                self._leaving.remove(process)

    def _turn_to(self, bento: BentoRecord, version: ModelVersion) -> None:
        """Have a Bento serve, unless it does or is about to."""
        present = self._next or self._process
        if present is not None and present.bento.tag == bento.tag:
            return
        if self._next is not None:  # something else was decided meanwhile
            self._let_go(self._next)
            self._next = None
        if self._process is None or self._process.bento.tag != bento.tag:
            self._start(bento, version)

    def _start(self, bento: BentoRecord, version: ModelVersion) -> None:
        """Start a Bento beside what serves, or have back what rests, once it is proved to be what was approved."""
        reserve, self._reserve = self._reserve, None
        try:
            verify_bento(bento, version, key=trusted_key(self._settings))
            confirm_journal(self._settings, self._family)
            if reserve is not None and reserve.bento.tag == bento.tag and reserve.running:
                reserve.listen()
                process, reserve = reserve, None
            else:
                process = self._new_process(self._settings, bento, journal_head=str(self._registry.head()))
                if self._process is not None and not (self._process.hands_over and process.hands_over):
                    self._process.stop()
                    self._give_up(self._process)
                self._port = self._port or open_port(self._settings, SERVICES[self._family])
                process.start(self._port)
        except (ShopsightError, OSError) as error:
            self._note_failure(bento, error)
            return
        finally:
            if reserve is not None:  # beside what serves there is memory for one more
                self._let_go(reserve)
        self._next, self._trial = process, (bento, version)

    def _rest(self, process: ServiceProcess) -> None:
        """Keep what served, so that it can be back at once."""
        try:
            process.rest()
        except OSError:  # it has just ended
            self._let_go(process)
            return
        self._reserve, self._rests_since = process, self._seconds_now()

    def _let_go(self, process: ServiceProcess) -> None:
        process.leave()
        self._leaving.append(process)

    def _give_up(self, process: ServiceProcess) -> None:
        """Forget a process that was stopped."""
        if process is self._process:
            self._process = None
        else:
            self._next = None
        if not process.hands_over:  # it shut the port for everybody
            self._close_port()

    def _close_port(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None

    def _note_failure(self, bento: BentoRecord, error: Exception) -> None:
        self._failures = self._failures + 1 if bento.tag == self._failed_tag else 1
        self._failed_tag, self._failure = bento.tag, sentence(error)
        has_served = self._proved is not None and self._proved[0].tag == bento.tag
        max_wait = MAX_RETRY_SECONDS if self._proved is None or has_served else MAX_RETRY_BESIDE_SECONDS
        wait = min(FIRST_RETRY_SECONDS * 2 ** (self._failures - 1), max_wait)
        if has_served and self._failures == 1:
            wait = 0.0  # what ended it may be over
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
