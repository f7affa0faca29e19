"""``shopsight run``: a job with a progress bar, and a time per stage at its end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.console import CHECKS_FAILED, err, out, print_json
from shopsight.clock import utc_now
from shopsight.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.local_run import ChainResult, RunWatch


def run_whole_chain(*, as_json: bool, auto_approve: bool) -> None:
    """``shopsight run``: exit 0 when all went well, 1 when a step failed, 3 when a check of severity error failed."""
    from orchestration.notifications.dispatch import notify

    settings = Settings()
    if auto_approve:
        settings = settings.model_copy(update={"approval_policy": "automatic"})
    if not as_json:
        err.print(f"home: {settings.home}", soft_wrap=True, markup=False)
    result = run_with_progress(settings, quiet=as_json)
    for trouble in notify(settings, utc_now()):
        err.print(f"not delivered: {trouble}", soft_wrap=True, markup=False)
    if as_json:
        print_json({"run_id": result.run_id, "seconds": result.seconds, "failed_checks": result.failed_checks})
    else:
        out.print(seconds_table(result.seconds))
        for check in result.failed_checks:
            out.print(f"  [yellow]check failed[/] {check}")
    if result.blocking_checks:
        raise typer.Exit(CHECKS_FAILED)


def run_with_progress(
    settings: Settings, job: str | None = None, request: "dg.RunRequest | None" = None, *, quiet: bool = False
) -> "ChainResult":
    """Run a job, the whole chain unless told otherwise, and show how far it is.

    Raises:
        ShopsightError: a step failed; the message names it and its cause.
    """
    from orchestration.local_run import WHOLE_CHAIN, RunWatch, run_job

    watch = RunWatch()
    with _progress(watch, quiet=quiet):
        return run_job(settings, job or WHOLE_CHAIN, request, watch=watch)


def seconds_table(seconds: dict[str, float], events: dict[str, int] | None = None) -> Table:
    """Return the time per stage as a table, and for stages whose ``events`` are given how many a second it took in."""
    table = Table(title="time per stage", title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    if events:
        table.add_column("events per second", justify="right")
    for stage, spent in seconds.items():
        rate = [f"{events[stage] / spent:,.0f}"] if events and stage in events else []
        table.add_row(stage, f"{spent:.1f}", *rate)
    table.add_row("[bold]all[/]", f"[bold]{sum(seconds.values()):.1f}[/]")
    return table


@contextmanager
def _progress(watch: "RunWatch", *, quiet: bool) -> Iterator[None]:
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
    task = bar.add_task("starting", total=watch.steps, note="")

    def follow() -> None:
        printed = 0
        while True:
            stage = next(iter(list(watch.running)), "finishing" if watch.seconds else "starting")
            bar.update(
                task, completed=len(watch.seconds), total=watch.steps, description=stage, note=watch.message[:60]
            )
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
