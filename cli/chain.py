"""Run a Dagster job here and now, with a progress bar and a time per stage; the web UI shows the same run."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.console import CHECKS_FAILED, err, out, print_json
from shopsight.errors import ShopsightError
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from dagster import EventLogEntry

WHOLE_CHAIN = "whole_chain"


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


def run_whole_chain(*, as_json: bool, auto_approve: bool) -> None:
    """``shopsight run``: exit 0 when all went well, 1 when a step failed, 3 when a check of severity error failed."""
    settings = Settings()
    if auto_approve:
        settings = settings.model_copy(update={"approval_policy": "automatic"})
    result = run_chain(settings, quiet=as_json)
    if as_json:
        print_json({"run_id": result.run_id, "seconds": result.seconds, "failed_checks": result.failed_checks})
    else:
        out.print(seconds_table(result.seconds))
        for check in result.failed_checks:
            out.print(f"  [yellow]check failed[/] {check}")
    if result.blocking_checks:
        raise typer.Exit(CHECKS_FAILED)


def run_chain(settings: Settings, *, assets: Sequence[str] | None = None, quiet: bool = False) -> ChainResult:
    """Execute the whole chain, or those of its ``assets``, in this process on the home's own Dagster instance.

    Raises:
        ShopsightError: a step failed; the message names it and its cause.
    """
    prepare_environment(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    from dagster import AssetKey, DagsterEventType
    from dagster._core.utils import make_new_run_id

    from orchestration.definitions import defs
    from orchestration.instance import open_instance
    from orchestration.run_health import end_lost_runs

    job_def = defs().resolve_job_def(WHOLE_CHAIN)
    steps = len(job_def.graph.node_defs) if assets is None else len(assets)
    watch = _Watch()
    with open_instance(settings) as instance, _tools_kept_quiet(settings), _progress(watch, steps, quiet=quiet):
        end_lost_runs(instance)
        run_id = make_new_run_id()
        instance.add_event_listener(run_id, watch.handle)
        outcome = job_def.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            asset_selection=None if assets is None else [AssetKey(asset) for asset in assets],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        checks = [
            event.asset_check_evaluation_data
            for event in outcome.all_events
            if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION
        ]
    failed = [check for check in checks if not check.passed]
    if not outcome.success:
        step, cause = watch.failure or ("the run", "no step reported a cause")
        raise ShopsightError(
            f"the step {step} failed",
            why=cause,
            fix="mend the cause and run again (finished steps are not lost); `make up` shows the whole log of the run",
        )
    return ChainResult(
        run_id=run_id,
        seconds=watch.seconds,
        failed_checks=[f"{check.asset_key.to_user_string()}:{check.check_name}" for check in failed],
        blocking_checks=[
            f"{check.asset_key.to_user_string()}:{check.check_name}"
            for check in failed
            if check.severity.value == "ERROR"
        ],
    )


def seconds_table(seconds: dict[str, float]) -> Table:
    """Return the time per stage as a table."""
    table = Table(title="time per stage", title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, spent in seconds.items():
        table.add_row(stage, f"{spent:.1f}")
    table.add_row("[bold]all[/]", f"[bold]{sum(seconds.values()):.1f}[/]")
    return table


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


@dataclass
class _Watch:
    """Follows the events of one run."""

    seconds: dict[str, float] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)
    message: str = ""
    failure: tuple[str, str] | None = None

    def handle(self, entry: "EventLogEntry") -> None:
        event = entry.dagster_event
        if event is None:
            self.message = entry.user_message
            return
        step = event.step_key or ""
        if event.event_type_value == "STEP_START":
            self.running[step] = time.monotonic()
            self.message = ""
        elif event.event_type_value in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED") and step in self.running:
            self.seconds[step] = time.monotonic() - self.running.pop(step)
        if event.event_type_value == "STEP_FAILURE" and self.failure is None:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            self.failure = (step, error.message.strip() if error is not None else "unknown")


@contextmanager
def _progress(watch: _Watch, steps: int, *, quiet: bool) -> Iterator[None]:
    """Draw a bar on a terminal, print a line per finished stage elsewhere, and nothing where asked to be quiet."""
    stop = threading.Event()
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<32}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}", markup=True),
        console=err,
        transient=True,
        disable=quiet or not err.is_terminal,
    )
    task = bar.add_task("starting", total=steps, note="")

    def follow() -> None:
        printed = 0
        while True:
            stage = next(iter(list(watch.running)), "finishing")
            bar.update(task, completed=len(watch.seconds), description=stage, note=watch.message[:60])
            done = list(watch.seconds.items())
            for finished, spent in done[printed:]:
                if not quiet:
                    bar.console.print(f"  [green]✓[/] {finished:<34} {spent:6.1f} s")
            printed = len(done)
            if stop.is_set():
                return
            stop.wait(0.2)

    with bar:
        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            stop.set()
            follower.join()
