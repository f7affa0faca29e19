"""A run at a terminal: what it tells the caller, and how Ctrl-C ends it."""

import contextlib
import signal
from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.local_run import RunWatch, execute
from orchestration.run_health import end_lost_runs
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


@dg.asset
def quick() -> None:
    """Succeed."""


@dg.asset(deps=[quick])
def interrupted() -> None:
    """Be stopped by Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


@dg.asset(deps=[quick])
def swallowing(context: dg.AssetExecutionContext) -> None:
    """Be stopped by Ctrl-C, in a library that lets no exception through."""
    with contextlib.suppress(BaseException):
        signal.raise_signal(signal.SIGINT)
    context.log.info("still here")


@dg.asset(deps=[quick])
def broken() -> None:
    """Fail for a reason."""
    try:
        raise ValueError("the innermost cause")
    except ValueError as error:
        raise RuntimeError("what follows from it") from error


@dg.asset(check_specs=[dg.AssetCheckSpec("warns", asset="checked"), dg.AssetCheckSpec("blocks", asset="checked")])
def checked() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Fall short of two checks."""
    yield dg.MaterializeResult()
    yield dg.AssetCheckResult(check_name="warns", passed=False, severity=dg.AssetCheckSeverity.WARN)
    yield dg.AssetCheckResult(check_name="blocks", passed=False)


ASSETS = (quick, interrupted, swallowing, broken, checked)
JOB = dg.Definitions(
    assets=ASSETS, jobs=[dg.define_asset_job("all_of_them")], executor=dg.in_process_executor
).resolve_job_def("all_of_them")


def run(home: Settings, watch: RunWatch, *assets: dg.AssetsDefinition):
    return execute(home, JOB, dg.RunRequest(asset_selection=[asset.key for asset in assets]), watch=watch)


def test_a_run_tells_the_seconds_of_its_steps_and_the_checks_that_said_no(home) -> None:
    watch = RunWatch()
    result = run(home, watch, quick, checked)
    assert set(result.seconds) == {"quick", "checked"}
    assert watch.steps == 2
    assert result.failed_checks == ["checked:warns", "checked:blocks"]
    assert result.blocking_checks == ["checked:blocks"]


def test_a_step_that_fails_is_named_with_its_innermost_cause_and_gets_no_tick(home) -> None:
    watch = RunWatch()
    with pytest.raises(ShopsightError, match=r"(?s)step broken failed.*the innermost cause"):
        run(home, watch, quick, broken)
    assert set(watch.seconds) == {"quick"}


@pytest.mark.parametrize("asset", [interrupted, swallowing], ids=lambda asset: asset.key.to_user_string())
def test_ctrl_c_stops_the_run_and_the_step_that_it_cut_off_gets_no_tick(home, asset: dg.AssetsDefinition) -> None:
    watch = RunWatch()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(home, watch, quick, asset)
    assert set(watch.seconds) == {"quick"}
    assert signal.getsignal(signal.SIGINT) == before


def test_the_command_line_says_one_line_and_ends_with_130(capfd) -> None:
    import typer

    from cli.console import explained

    with pytest.raises(typer.Exit) as ended, explained():
        raise KeyboardInterrupt
    assert ended.value.exit_code == 130
    assert capfd.readouterr().err.splitlines() == ["stopped; the next run goes on from here"]


def test_a_second_run_of_the_chain_is_refused_with_a_sentence_while_the_first_runs(home) -> None:
    from orchestration.local_run import WHOLE_CHAIN, run_job
    from shopsight.locking import ResourceBusyError, exclusive

    with (
        exclusive(home.home / ".chain.lock", what="the first run", wait_seconds=0),
        pytest.raises(ResourceBusyError, match="the whole chain: another process is writing it"),
    ):
        run_job(home, WHOLE_CHAIN)


def test_a_run_that_was_cut_off_holds_nothing_up(home) -> None:
    from orchestration.instance import open_instance

    with pytest.raises(KeyboardInterrupt):
        run(home, RunWatch(), quick, interrupted)
    with open_instance(home) as instance:
        (record,) = instance.get_runs()
        assert record.is_finished
        assert end_lost_runs(instance) == []
