"""Run a Dagster job here and now, in this process, on the home's own instance: the web UI shows the same run.

One process imports the libraries once: the whole chain on the sample shop takes half the time of `dagster job execute`.
"""

import contextlib
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterEventType, EventLogEntry, ExecuteInProcessResult

from orchestration.attribution import signed_tags
from orchestration.gateway.people import PersonError, person_at_terminal
from orchestration.instance import open_instance
from orchestration.run_health import end_lost_runs
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive
from shopsight.settings import Settings, prepare_environment

WHOLE_CHAIN: Final = "whole_chain"
"""Name of the job that goes all the way from files in the landing folder to Bentos."""

STEP_ENDS: Final = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED")


@dataclass(frozen=True, kw_only=True)
class ChainResult:
    """What a run of the chain did."""

    run_id: str
    seconds: dict[str, float]
    """Wall seconds per stage, in the order they ran."""
    failed_checks: list[str]
    """Asset checks that said no, as ``asset:check``; warnings are among them."""
    blocking_checks: list[str]
    """Those of them whose severity is an error."""


@dataclass(kw_only=True)
class RunWatch:
    """Follows the events of one run; another thread may look at it and draw."""

    steps: int = 0
    """How many steps there will be."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds of each step that succeeded or had nothing to do."""
    running: dict[str, float] = field(default_factory=dict)
    """When each step began that has not ended, on the monotonic clock."""
    message: str = ""
    """What the running step logged last."""
    failure: tuple[str, str] | None = None
    """The first step that failed, and its innermost cause."""
    signals: int | None = None
    """File descriptor that a signal writes a byte to; ``None``: nobody asks whether there was one."""
    interrupted: bool = False
    """Whether there was a Ctrl-C or a termination: what failed then is no fault of the step."""

    def handle(self, entry: EventLogEntry) -> None:
        """Take in one event.

        Raises:
            KeyboardInterrupt: a signal came, and a library swallowed the exception that Dagster made of it.
        """
        event = entry.dagster_event
        if event is None:
            self.message = entry.user_message
            self.look_for_signals()
            if self.interrupted and self.failure is None and threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt
            return
        step = event.step_key or ""
        kind = event.event_type_value
        if kind == "STEP_START":
            self.running[step] = time.monotonic()
            self.message = ""
        elif kind in STEP_ENDS and step in self.running:
            spent = time.monotonic() - self.running.pop(step)
            if kind != "STEP_FAILURE":
                self.seconds[step] = spent
        if kind == "STEP_FAILURE" and self.failure is None:
            self.look_for_signals()
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            self.failure = (step, error.message.strip() if error is not None else "unknown")

    def look_for_signals(self) -> None:
        """Take note of a signal that came since the last look."""
        if self.signals is not None:
            with contextlib.suppress(BlockingIOError):
                self.interrupted |= not {signal.SIGINT, signal.SIGTERM}.isdisjoint(os.read(self.signals, 64))


def run_job(
    settings: Settings, job: str, request: dg.RunRequest | None = None, *, watch: RunWatch | None = None
) -> ChainResult:
    """Execute a job of the code location, on the main thread.

    Args:
        settings: the home; they are set in the environment, where the run's resource reads them.
        job: the job's name.
        request: what a sensor would ask for: some of the job's assets, and their config; ``None``: the whole job.
        watch: takes in the run's events while it runs.

    Raises:
        ShopsightError: a step failed; the message names it and its cause.
        ResourceBusyError: the whole chain runs already, in another process.
        KeyboardInterrupt: Ctrl-C, or a termination, stopped it.
    """
    prepare_environment(settings)
    # Two chains would empty each other's training folders; a job that packages a champion touches none.
    with _alone(settings) if job == WHOLE_CHAIN else contextlib.nullcontext():
        from orchestration.definitions import defs

        job_def = defs().resolve_job_def(job)
        return execute(settings, job_def, request or dg.RunRequest(), watch=watch or RunWatch())


def execute(settings: Settings, job: dg.JobDefinition, request: dg.RunRequest, *, watch: RunWatch) -> ChainResult:
    """Execute a job, whichever it is; raises as :func:`run_job` does."""
    assets = request.asset_selection
    watch.steps = len(job.graph.node_defs) if assets is None else len(assets)
    run_id = str(uuid.uuid4())
    with open_instance(settings) as instance, _tools_kept_quiet(settings), _signals_noted(watch):
        end_lost_runs(instance)
        instance.add_event_listener(run_id, watch.handle)
        try:
            outcome = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                asset_selection=assets,
                tags={**request.tags, **_launched_by(settings, run_id)},
                run_config={**request.run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        except dg.DagsterExecutionInterruptedError as interruption:
            raise KeyboardInterrupt from interruption
    if not outcome.success and watch.interrupted:
        raise KeyboardInterrupt
    if not outcome.success:
        step, cause = watch.failure or ("the run", "no step reported a cause")
        raise ShopsightError(
            f"the step {step} failed",
            why=cause,
            fix="mend the cause and run again (finished steps are not lost); `make up` shows the whole log of the run",
        )
    failed = [check for check in _checks(outcome) if not check.passed]
    return ChainResult(
        run_id=run_id,
        seconds=watch.seconds,
        failed_checks=[_name(check) for check in failed],
        blocking_checks=[_name(check) for check in failed if check.severity == dg.AssetCheckSeverity.ERROR],
    )


def _launched_by(settings: Settings, run_id: str) -> dict[str, str]:
    """Return the tags that say who is at the terminal; none where the system has no name for them (a container)."""
    try:
        return signed_tags(settings, run_id, person_at_terminal(settings))
    except PersonError:
        return {}


def _alone(settings: Settings) -> contextlib.AbstractContextManager[None]:
    return exclusive(settings.home / ".chain.lock", what="the results of the whole chain", wait_seconds=0)


def _checks(outcome: ExecuteInProcessResult) -> list[AssetCheckEvaluation]:
    kind = DagsterEventType.ASSET_CHECK_EVALUATION
    return [event.asset_check_evaluation_data for event in outcome.all_events if event.event_type == kind]


def _name(check: AssetCheckEvaluation) -> str:
    return f"{check.asset_key.to_user_string()}:{check.check_name}"


@contextmanager
def _signals_noted(watch: RunWatch) -> Iterator[None]:
    """Let the watch know of signals: of an exception that Dagster's handler raises, some libraries make another one."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watch.signals = reader
    try:
        yield
        watch.look_for_signals()
    finally:
        watch.signals = None
        signal.set_wakeup_fd(before)
        for end in (reader, writer):
            os.close(end)


@contextmanager
def _tools_kept_quiet(settings: Settings) -> Iterator[None]:
    """Send what dbt prints to a log file, and the libraries' deprecation warnings to logging, which drops them.

    A filter would not do: Feast sets its own when it is imported.
    """
    log = settings.home / "logs" / "dbt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    logging.captureWarnings(True)
    try:
        with log.open("a") as sink, contextlib.redirect_stdout(sink):
            yield
    finally:
        logging.captureWarnings(False)
