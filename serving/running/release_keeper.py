"""Takes a version under release from step to step, or stops it: by what the champion's service counted, and by itself.

Each step has its record in the registry's journal, with what was counted until then. The version runs in a process of
its own beside the champion's (:mod:`serving.releases.splitter`), out of its own Bento. It becomes champion as any does
(:class:`serving.running.keeper.ServiceKeeper`), and the one before it stays warm.
"""

import socket
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final, cast

from models.evaluation.release.judgement import Tally, doubts
from models.registry.registry import ModelRegistry, Step
from models.registry.version import ModelVersion
from serving.packaging.bento import find_bento, verify_bento
from serving.releases.orders import Order, Seen, Stage, read_seen, write_order
from serving.running.keeper import HUNG_SECONDS, LEAVE_SECONDS, sentence
from serving.running.launcher import ServiceNotStartedError, ServiceProcess
from serving.running.release_plan import ReleasePlan
from serving.running.states import ServiceState
from shopsight.clock import utc_now
from shopsight.contracts import RELEASE_POLICY
from shopsight.errors import ShopsightError
from shopsight.families import SERVICES
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

MAX_STARTS: Final = 3
"""How often a version is started before it is withdrawn: a start that fails costs nobody an answer, and a machine may
have had too much else to do."""
BESIDE: Final = "127.0.0.1"
"""Where a version under release listens: for the champion's service on this machine alone."""


class ReleaseKeeper:
    """One family's release. :meth:`look` does one step of what is due and never waits for a start."""

    def __init__(
        self,
        settings: Settings,
        family: str,
        *,
        process: Callable[..., ServiceProcess] = ServiceProcess,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare it; ``process`` makes what serves a Bento."""
        self._settings = settings
        self._family = family
        self._registry = ModelRegistry.of(settings)
        self._new_process = process
        self._now = now
        self._journal: FileVersion | None = None
        self._version: ModelVersion | None = None
        self._process: ServiceProcess | None = None
        self._port = 0
        self._is_up = False
        self._starts = 0
        self._leaving: list[ServiceProcess] = []
        self._order: Order | None = None
        self._has_ordered = False
        self._note = ""

    @property
    def note(self) -> str:
        """What is amiss, or waited for; nothing where all goes on."""
        return self._note

    @property
    def is_watching(self) -> bool:
        """Whether the version serves everybody by now, and may be taken back."""
        return self._order is not None and self._order.stage == "champion"

    def look(self, served: ServiceState, *, failed_tag: str = "", splits: bool = True) -> None:
        """See to it that the version under release is where it should be.

        Args:
            served: how the family's service is.
            failed_tag: of the Bento that ended by itself, or did not start, as the family's service last.
            splits: whether the champion's code can hand requests over.

        Raises:
            ShopsightError: the registry cannot say what is under release, or cannot be written.
        """
        self._watch_leaving()
        if (seen := version_of(self._settings.registry_dir / "journal.jsonl")) != self._journal:
            self._version = self._registry.released(self._family)
            self._journal = seen
        version = self._version
        if version is None:
            self._end()
        elif version.status == "champion":
            self._watch_champion(version, served, failed_tag)
        else:
            self._tend(version, splits=splits)

    def stop(self) -> None:
        """Stop the version's process; the release goes on where it was when `up` runs again."""
        self._end()
        for process in self._leaving:
            process.stop()
        self._leaving = []

    def _tend(self, version: ModelVersion, *, splits: bool) -> None:
        """Have the version answer beside the champion, and take it further or stop it."""
        if self._process is not None and self._process.bento.model_version != version.version:
            self._end()
        try:
            if self._process is None:
                self._start(version)
                return
            if not self._process.running:
                raise self._process.ended("it ended by itself")
            if not self._is_up:
                self._is_up = self._process.has_started()
                self._note = "" if self._is_up else self._note
                return
        except ShopsightError as error:
            self._process = None
            if self._is_up or self._starts >= MAX_STARTS:
                self._withdraw(version, sentence(error))
            else:
                self._note = f"{version.version} is started again: {sentence(error)}"
            return
        step = version.steps[-1].step
        if step == "approved":
            self._go_on(version, None)
            return
        if not splits:
            self._note = "the champion's Bento cannot hand requests over: build it anew, or `shopsight rollback`"
            return
        self._judge(version, cast(Stage, step), port=self._port)

    def _start(self, version: ModelVersion) -> None:
        bento = find_bento(self._settings, version)
        if bento is None:
            self._note = f"the Bento of {version.version} is not built yet"
            return
        self._hand_over_nothing()  # to a process of before this one
        self._is_up, self._starts = False, self._starts + 1
        verify_bento(bento, version)
        service = SERVICES[self._family]
        with socket.socket() as given:
            given.bind((BESIDE, 0))
            port = given.getsockname()[1]
            own = {"host": BESIDE, service.port_setting: port, "beside_champion": True}
            process = self._new_process(
                self._settings.model_copy(update=own), bento, journal_head=str(self._registry.head())
            )
            if not process.splits:
                raise ServiceNotStartedError(
                    f"{bento.tag} cannot serve beside the champion",
                    why="it was built by a version of shopsight that did not release step by step",
                    fix="register the model anew, or make it champion at once",
                )
            process.start(given)
        self._process, self._port = process, port

    def _judge(self, version: ModelVersion, stage: Stage, *, port: int = 0, reference: Seen | None = None) -> None:
        """Compare what was counted in a step with its limits, and take the version further where its time is over."""
        plan, begun = ReleasePlan.model_validate(version.plan), version.steps[-1]
        self._say(
            Order(
                record=begun.record,
                version=version.version,
                stage=stage,
                port=port,
                share=plan.shadow_share if stage == "shadow" else plan.canary_share,
                late_seconds=plan.late_seconds,
                latency_ratio=plan.latency_ratio,
                latency_extra_ms=plan.latency_extra_ms,
                limits=plan.limits,
                reference=reference.champion if reference else Tally(),
                reference_ms=reference.champion_ms[1] if reference and reference.champion_ms else 0.0,
            )
        )
        seen = read_seen(self._settings, self._family, begun.record)
        if seen is not None and seen.worse:
            self._withdraw(version, seen.worse, seen)
            return
        lasted = (self._now() - datetime.fromisoformat(begun.at)).total_seconds() / 60
        if lasted < plan.minutes(stage):
            self._note = ""
            return
        if seen is None or seen.candidate.answers < plan.min_answers:
            is_enough = False
        else:
            is_enough = not doubts(seen.candidate, seen.champion, plan.limits, doubt=plan.doubt)
        if not is_enough:
            self._note = f"{version.version} waits in its step {stage}: not enough answers yet"
            return
        self._go_on(version, seen)

    def _go_on(self, version: ModelVersion, seen: Seen | None) -> None:
        """Take the version to its next step."""
        plan, step = ReleasePlan.model_validate(version.plan), version.steps[-1].step
        following: dict[str, Step] = {"shadow": "shadow", "canary": "canary", "champion": "promote"}
        next_step = next(iter(plan.steps_after(step)), None)
        name: Step = "settle" if next_step is None else following[next_step]
        reason = "it has warmed up, beside the champion"
        if seen is not None:
            reason = f"{seen.candidate.answers:,} answers, in nothing worse than is allowed"
        self._record(version, name, reason, seen)

    def _watch_champion(self, version: ModelVersion, served: ServiceState, failed_tag: str) -> None:
        """Compare the new champion with the one before, once it serves; until then the canary goes on."""
        bento = find_bento(self._settings, version)
        if bento is not None and failed_tag == bento.tag:
            self._withdraw(version, f"its service failed: {served.note}")
            return
        if bento is None or served.state != "running" or served.bento != bento.tag:
            self._note = f"{version.version} is about to serve"
            return
        self._let_go()
        evidence = version.steps[-1].evidence
        self._judge(version, "champion", reference=Seen.of(evidence) if evidence else None)

    def _withdraw(self, version: ModelVersion, reason: str, seen: Seen | None = None) -> None:
        """Stop the version for good; a champion's place is taken by the one before it."""
        self._end()
        if version.status != "champion":
            self._record(version, "withdraw", reason, seen)
            return
        self._registry.rollback(
            self._family,
            approver=RELEASE_POLICY,
            reason=reason,
            at=datetime.now(UTC),
            evidence=asdict(seen) if seen else None,
        )
        self._journal = None

    def _record(self, version: ModelVersion, step: Step, reason: str, seen: Seen | None) -> None:
        self._version = self._registry.step(
            self._family,
            version.version,
            step,
            approver=RELEASE_POLICY,
            reason=reason,
            at=datetime.now(UTC),
            evidence=asdict(seen) if seen else None,
        )
        self._journal = None  # whether it is still under release is read at the next look
        self._note = ""

    def _say(self, order: Order) -> None:
        if order != self._order or not self._has_ordered:
            write_order(self._settings, self._family, order)
            self._order, self._has_ordered = order, True

    def _end(self) -> None:
        """See to it that nothing is handed over any more, and then let the version's process go."""
        self._hand_over_nothing()
        self._note, self._starts = "", 0
        self._let_go()

    def _hand_over_nothing(self) -> None:
        if self._order is not None or not self._has_ordered:
            write_order(self._settings, self._family, None)
            self._order, self._has_ordered = None, True

    def _let_go(self) -> None:
        if self._process is not None:
            self._process.leave()
            self._leaving.append(self._process)
            self._process = None

    def _watch_leaving(self) -> None:
        for process in list(self._leaving):
            if not process.running or process.leaving_seconds > LEAVE_SECONDS:
                process.stop(timeout_seconds=HUNG_SECONDS)
                self._leaving.remove(process)
